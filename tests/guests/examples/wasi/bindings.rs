//! The parts of WASI 0.2 that the fixture `wasi` calls: interfaces with fewer functions than the real ones import the same.
#![allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]

wit_bindgen::generate!({
    world: "imports",
    generate_all,
    inline: r#"
        package test:wasi;

        world imports {
            import wasi:cli/environment@0.2.3;
            import wasi:cli/exit@0.2.3;
            import wasi:cli/stdin@0.2.3;
            import wasi:cli/stdout@0.2.3;
            import wasi:cli/stderr@0.2.3;
            import wasi:clocks/monotonic-clock@0.2.3;
            import wasi:clocks/wall-clock@0.2.3;
            import wasi:filesystem/preopens@0.2.3;
            import wasi:random/random@0.2.3;
            import wasi:sockets/instance-network@0.2.3;
            import wasi:sockets/tcp-create-socket@0.2.3;
        }

        package wasi:io@0.2.3 {
            interface error { resource error; }
            interface poll {
                resource pollable { block: func(); }
                poll: func(in: list<borrow<pollable>>) -> list<u32>;
            }
            interface streams {
                use error.{error};
                use poll.{pollable};
                variant stream-error { last-operation-failed(error), closed }
                resource input-stream {
                    blocking-read: func(len: u64) -> result<list<u8>, stream-error>;
                    subscribe: func() -> pollable;
                }
                resource output-stream {
                    check-write: func() -> result<u64, stream-error>;
                    blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
                }
            }
        }

        package wasi:cli@0.2.3 {
            interface environment {
                get-environment: func() -> list<tuple<string, string>>;
                get-arguments: func() -> list<string>;
            }
            interface exit { exit: func(status: result); }
            interface stdin {
                use wasi:io/streams@0.2.3.{input-stream};
                get-stdin: func() -> input-stream;
            }
            interface stdout {
                use wasi:io/streams@0.2.3.{output-stream};
                get-stdout: func() -> output-stream;
            }
            interface stderr {
                use wasi:io/streams@0.2.3.{output-stream};
                get-stderr: func() -> output-stream;
            }
        }

        package wasi:clocks@0.2.3 {
            interface monotonic-clock {
                use wasi:io/poll@0.2.3.{pollable};
                type instant = u64;
                type duration = u64;
                now: func() -> instant;
                subscribe-instant: func(when: instant) -> pollable;
                subscribe-duration: func(when: duration) -> pollable;
            }
            interface wall-clock {
                record datetime { seconds: u64, nanoseconds: u32 }
                now: func() -> datetime;
            }
        }

        package wasi:filesystem@0.2.3 {
            interface types {
                resource descriptor { is-same-object: func(other: borrow<descriptor>) -> bool; }
            }
            interface preopens {
                use types.{descriptor};
                get-directories: func() -> list<tuple<descriptor, string>>;
            }
        }

        package wasi:random@0.2.3 {
            interface random {
                get-random-bytes: func(len: u64) -> list<u8>;
                get-random-u64: func() -> u64;
            }
        }

        package wasi:sockets@0.2.3 {
            interface network {
                resource network;
                enum error-code {
                    unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout,
                    concurrency-conflict, not-in-progress, would-block, invalid-state, new-socket-limit,
                    address-not-bindable, address-in-use, remote-unreachable, connection-refused,
                    connection-reset, connection-aborted, datagram-too-large, name-unresolvable,
                    temporary-resolver-failure, permanent-resolver-failure,
                }
                enum ip-address-family { ipv4, ipv6 }
            }
            interface instance-network {
                use network.{network};
                instance-network: func() -> network;
            }
            interface tcp { resource tcp-socket; }
            interface tcp-create-socket {
                use network.{error-code, ip-address-family};
                use tcp.{tcp-socket};
                create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
            }
        }
    "#,
});
