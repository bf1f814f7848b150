//! Does what its parameter `behaviour` says in the function that its parameter `when` names, and elsewhere behaves.
//!
//! What misbehaves in any function:
//!  - `trap`: aborts
//!  - `spin`: never returns
//!  - `hoard`: takes and touches memory until the host refuses more, logs `hoarded N MiB`, then behaves
//!  - `overrun`: asks for more memory than it is given, and aborts
//!  - `recurse`: calls itself until the stack ends
//!  - `error`: returns the error `told to fail`; `huge-error`: one of 4 MiB
//!  - `flood-log`: logs 100,000 messages, then behaves; `huge-log`: one message of 4 MiB, then behaves
//!  - `log-then-spin`: logs `about to spin`, then spins
//!
//! What misbehaves in the result of `score`, or of `explain` where that makes sense:
//!  - `nan`, `infinity`, `minus-infinity`: all scores (the amount of one part)
//!  - `short`, `long`: one score too few, one too many; `none`: an empty list
//!  - `huge-list`: two million scores (a hundred thousand parts)
//!  - `huge-string`: a part whose label has 4 MiB; `strange-peer`: a part about a peer that does not exist

use netmarks_policy_sdk::{Need, Parameter, Parameters, Part, Policy, Request, export, log};

struct Hostile;

/// 4 MiB: more than any text that the contract allows, and less than a sensible memory cap.
const HUGE: usize = 4 << 20;

impl Policy for Hostile {
    const NAME: &'static str = "hostile";
    const VERSION: &'static str = "0.0.0";
    const SUMMARY: &'static str = "A fixture of the tests that misbehaves as told.";
    const NEEDS: &'static [Need] = &[Need::Peers];
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::choice(
            "behaviour",
            "What to do.",
            "ok",
            &[
                "ok",
                "trap",
                "spin",
                "hoard",
                "overrun",
                "recurse",
                "error",
                "huge-error",
                "flood-log",
                "huge-log",
                "log-then-spin",
                "nan",
                "infinity",
                "minus-infinity",
                "short",
                "long",
                "none",
                "huge-list",
                "huge-string",
                "strange-peer",
            ],
        ),
        Parameter::choice("when", "In which function to do it.", "score", &["check", "score", "explain"]),
        // The host's trial request has three candidates: with four or more here the fixture passes it.
        Parameter::number("candidates", "Behaves for requests with fewer candidates.", 0.0, 0.0, 1e6),
    ];

    fn check(parameters: &Parameters<'_>) -> Result<(), String> {
        misbehave(parameters, "check").map(|_| ())
    }

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let candidates = request.candidates();
        let all = |score| Ok(vec![score; candidates]);
        match misbehave_at(request, "score")? {
            "nan" => all(f64::NAN),
            "infinity" => all(f64::INFINITY),
            "minus-infinity" => all(f64::NEG_INFINITY),
            "short" => Ok(vec![1.0; candidates.saturating_sub(1)]),
            "long" => Ok(vec![1.0; candidates + 1]),
            "none" => Ok(Vec::new()),
            "huge-list" => Ok(vec![1.0; 2_000_000]),
            _ => all(1.0),
        }
    }

    fn explain(request: &Request, _node: u32) -> Result<Vec<Part>, String> {
        let part = |label: String, amount| Part { peer: None, label, amount };
        let one = |amount| Ok(vec![part("told".to_owned(), amount)]);
        match misbehave_at(request, "explain")? {
            "nan" => one(f64::NAN),
            "infinity" => one(f64::INFINITY),
            "minus-infinity" => one(f64::NEG_INFINITY),
            "none" => Ok(Vec::new()),
            "huge-list" => Ok((0..100_000).map(|_| part("told".to_owned(), 0.0)).collect()),
            "huge-string" => Ok(vec![part("l".repeat(HUGE), 1.0)]),
            "strange-peer" => Ok(vec![Part { peer: Some(u32::MAX), label: "told".to_owned(), amount: 1.0 }]),
            _ => one(1.0),
        }
    }
}

/// As [`misbehave`], but only for requests with as many candidates as the parameter says.
fn misbehave_at<'a>(request: &'a Request, now: &str) -> Result<&'a str, String> {
    let parameters = request.parameters();
    #[allow(clippy::cast_precision_loss, reason = "a handful of candidates")]
    if (request.candidates() as f64) < parameters.number("candidates")? {
        return Ok("ok");
    }
    misbehave(&parameters, now)
}

/// Misbehaves at once where the behaviour does not need a result; otherwise returns it, or `ok` if it is not its time.
fn misbehave<'a>(parameters: &Parameters<'a>, now: &str) -> Result<&'a str, String> {
    if parameters.text("when")? != now {
        return Ok("ok");
    }
    let behaviour = parameters.text("behaviour")?;
    match behaviour {
        "trap" => std::process::abort(),
        "spin" => spin(),
        "hoard" => log::info(&format!("hoarded {} MiB", hoard())),
        "overrun" => overrun(),
        "recurse" => log::info(&format!("came back from {}", recurse(1))),
        "error" => return Err("told to fail".to_owned()),
        "huge-error" => return Err("e".repeat(HUGE)),
        "flood-log" => (0..100_000).for_each(|_| log::warn("flood")),
        "huge-log" => log::warn(&"m".repeat(HUGE)),
        "log-then-spin" => {
            log::warn("about to spin");
            spin()
        }
        _ => {}
    }
    Ok(behaviour)
}

fn spin() -> ! {
    loop {
        std::hint::black_box(());
    }
}

/// How many MiB were to be had.
fn hoard() -> usize {
    let mut hoarded = Vec::new();
    loop {
        let mut block = Vec::new();
        if block.try_reserve_exact(1 << 20).is_err() {
            return hoarded.len();
        }
        block.resize(1 << 20, 1_u8);
        hoarded.push(std::hint::black_box(block));
    }
}

fn overrun() {
    let mut hoarded = Vec::new();
    loop {
        hoarded.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    // The addition after the call and the opaque argument keep the compiler from making a loop of it.
    1 + recurse(std::hint::black_box(depth + 1))
}

export!(Hostile);
