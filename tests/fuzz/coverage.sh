#!/bin/sh
# Called by cargo in the place of rustc, with rustc and its arguments (RUSTC_WRAPPER). Our own crates are compiled for the fuzzer:
# LLVM counts edges and compares operands, and a wrong index or an overflow is a finding. Dependencies and what runs while
# compiling stay as they are: a fuzzer that explores wasmtime finds nothing of ours, and takes three times as long to build.
case "$CARGO_PKG_NAME $*" in
netmarks*" --target "*)
    exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Copt-level=1 \
        -Cdebug-assertions=on -Coverflow-checks=on -Cdebuginfo=line-tables-only --cfg fuzzing --check-cfg 'cfg(fuzzing)'
    ;;
*) exec "$@" ;;
esac
