//! Calls WASI as its parameter `behaviour` says when there are four candidates or more, and scores what it learnt.
//!
//!  - `quiet`: calls nothing
//!  - `sleep`: waits an hour, by blocking and by polling, then scores 1
//!  - `environment`: scores how many variables, arguments and folders it was given
//!  - `stdin`: scores how many bytes it could read
//!  - `clocks`: scores what the clocks say; `random`: scores a random number
//!  - `print`: prints to stdout and stderr, then scores 1
//!  - `network`, `socket`: asks for one; `forged-folder`: uses a folder that it was not given
//!  - `exit`: ends itself
//!  - `handles`: opens streams without end; `random-flood`: wants a gigabyte of random bytes
//!  - `spin`: waits for the clock to advance

mod bindings;

use netmarks_policy_sdk::{Need, Parameter, Policy, Request, export};

use bindings::wasi::cli::{environment, exit, stderr, stdin, stdout};
use bindings::wasi::clocks::{monotonic_clock, wall_clock};
use bindings::wasi::filesystem::{preopens, types as files};
use bindings::wasi::io::poll;
use bindings::wasi::random::random;
use bindings::wasi::sockets::{instance_network, tcp_create_socket};

struct Wasi;

const HOUR: u64 = 3_600_000_000_000;

impl Policy for Wasi {
    const NAME: &'static str = "wasi";
    const VERSION: &'static str = "0.0.0";
    const SUMMARY: &'static str = "A fixture of the tests that calls WASI as told.";
    const NEEDS: &'static [Need] = &[];
    const PARAMETERS: &'static [Parameter] = &[Parameter::text("behaviour", "What to do.", "quiet")];

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let candidates = request.candidates();
        if candidates < 4 {
            return Ok(vec![0.0; candidates]);
        }
        let learnt = behave(request.parameters().text("behaviour")?)?;
        Ok(vec![learnt; candidates])
    }
}

fn behave(behaviour: &str) -> Result<f64, String> {
    match behaviour {
        "quiet" => Ok(0.0),
        "sleep" => {
            monotonic_clock::subscribe_duration(HOUR).block();
            let (never, soon) =
                (monotonic_clock::subscribe_instant(u64::MAX), stdin::get_stdin().subscribe());
            let ready = poll::poll(&[&never, &soon]);
            Ok(if ready == [0, 1] { 1.0 } else { 2.0 })
        }
        "environment" => {
            let given = environment::get_environment().len() + environment::get_arguments().len();
            Ok((given + preopens::get_directories().len()) as f64)
        }
        "stdin" => Ok(stdin::get_stdin().blocking_read(1_000).map_or(0, |bytes| bytes.len()) as f64),
        "clocks" => Ok(monotonic_clock::now() as f64 + wall_clock::now().seconds as f64),
        "random" => Ok(random::get_random_u64() as f64 + f64::from(random::get_random_bytes(1).len() as u32)),
        "print" => {
            let (out, err) = (stdout::get_stdout(), stderr::get_stderr());
            out.check_write().map_err(|_| "not writable")?;
            out.blocking_write_and_flush(b"to stdout\n").map_err(|_| "stdout")?;
            err.blocking_write_and_flush(b"to stderr\n").map_err(|_| "stderr")?;
            Ok(1.0)
        }
        "network" => {
            let _network = instance_network::instance_network();
            Ok(1.0)
        }
        "socket" => {
            Ok(if tcp_create_socket::create_tcp_socket(tcp_create_socket::IpAddressFamily::Ipv4).is_ok() {
                1.0
            } else {
                2.0
            })
        }
        "forged-folder" => {
            // Nobody gives it a folder, so it makes one up.
            // SAFETY: the host checks every handle that it is given.
            #[allow(unsafe_code)]
            let folder = unsafe { files::Descriptor::from_handle(1) };
            Ok(f64::from(u8::from(folder.is_same_object(&folder))))
        }
        "exit" => {
            exit::exit(Err(()));
            Ok(1.0)
        }
        "handles" => loop {
            std::mem::forget(stdout::get_stdout());
        },
        "random-flood" => Ok(random::get_random_bytes(1 << 30).len() as f64),
        "spin" => {
            while monotonic_clock::now() < HOUR {}
            Ok(1.0)
        }
        other => Err(format!("no behaviour {other}")),
    }
}

export!(Wasi);
