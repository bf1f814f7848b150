;; What Go's runtime asks of a system, answered with nothing: no arguments, no environment, a clock that stands still,
;; fixed random numbers, output that goes nowhere. So the component imports the contract and nothing else.
(module
  (import "env" "memory" (memory 0))
  (func $none (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "args_sizes_get") (param i32 i32) (result i32) (call $none (local.get 0) (local.get 1)))
  (func (export "environ_sizes_get") (param i32 i32) (result i32) (call $none (local.get 0) (local.get 1)))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $time i32) (result i32)
    (i64.store (local.get $time) (i64.const 1))
    (i32.const 0))
  (func (export "random_get") (param $at i32) (param $length i32) (result i32)
    (memory.fill (local.get $at) (i32.const 0x5a) (local.get $length))
    (i32.const 0))
  (func (export "sched_yield") (result i32) (i32.const 0))
  ;; One event has come.
  (func (export "poll_oneoff") (param i32 i32 i32) (param $events i32) (result i32)
    (i32.store (local.get $events) (i32.const 1))
    (i32.const 0))
  ;; All of the one piece is written: nowhere.
  (func (export "fd_write") (param $file i32) (param $pieces i32) (param $count i32) (param $written i32) (result i32)
    (i32.store (local.get $written) (i32.load offset=4 (local.get $pieces)))
    (i32.const 0))
  (func (export "proc_exit") (param i32) unreachable))
