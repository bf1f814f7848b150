//! Command lines in documents, held against what a program takes.

use clap::{Arg, Command};

use crate::markdown::{Markdown, Piece};

/// The command lines of a document that call `program`, such as `cargo xtask`, each without it.
#[must_use]
pub fn command_lines(document: &Markdown, program: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    for Piece { line, text } in &document.code {
        // What a shell runs one after the other, and what one command hands to another.
        // An example's explanation stands behind two spaces or `#`.
        let text = text.split(" #").next().and_then(|text| text.split("  ").next()).unwrap_or_default();
        let text = text.replace("2>&1", "").replace("$(", ";");
        for part in text.split(['|', ';', '&', '>', ')']) {
            let mut part = part.trim();
            // Variables of the one command.
            while let Some((first, rest)) = part.split_once(' ')
                && (first.contains('=') && first.starts_with(|c: char| c.is_ascii_uppercase())
                    || matches!(first, "do" | "then" | "exec" | "if" | "!"))
            {
                part = rest.trim_start();
            }
            found.extend(arguments(part, program).map(|text| Piece { line: *line, text }));
        }
    }
    for Piece { line, text } in &document.spans {
        found.extend(arguments(text, program).map(|text| Piece { line: *line, text }));
    }
    found
}

fn arguments(text: &str, program: &str) -> Option<String> {
    let rest = text.strip_prefix(program)?;
    (rest.is_empty() || rest.starts_with(' ')).then(|| rest.trim().to_owned())
}

/// What is wrong with `arguments` of `program`, if anything: a subcommand, a flag or a choice that does not exist, or a word
/// where none is taken. Values are not looked at further, since documents have `FILE` in their place. `program` must be built
/// (`Command::build`).
#[must_use]
pub fn mistake(program: &Command, arguments: &str) -> Option<String> {
    let mut command = program;
    let mut globals: Vec<&Arg> = command.get_arguments().collect();
    let mut words = words(arguments).into_iter().peekable();
    let mut positionals = 0;
    while let Some(word) = words.next() {
        if word.starts_with('$') {
            // A variable may stand for any words.
            continue;
        }
        if let Some(flag) = word.strip_prefix('-').filter(|_| word != "-" && word != "--") {
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            if matches!(name, "h" | "-help" | "V" | "-version") {
                continue;
            }
            let known = |arg: &&&Arg| match name.strip_prefix('-') {
                Some(long) => {
                    arg.get_long() == Some(long)
                        || arg.get_all_aliases().is_some_and(|names| names.contains(&long))
                }
                None => name.chars().next().is_some_and(|short| arg.get_short() == Some(short)),
            };
            let Some(arg) = globals.iter().find(known) else {
                return Some(format!("`{}` has no flag `{word}`", command.get_name()));
            };
            let takes_value = arg.get_action().takes_values();
            let value = value.or_else(|| takes_value.then(|| words.next()).flatten());
            if let Some(wrong) = value.filter(|value| !is_choice(arg, value)) {
                return Some(format!("`{word}` does not take `{wrong}`"));
            }
        } else if let Some(sub) = command.find_subcommand(&word) {
            globals.retain(|arg| arg.is_global_set());
            globals.extend(sub.get_arguments());
            command = sub;
        } else if command.has_subcommands() && !is_placeholder(&word) {
            return Some(format!("`{}` has no subcommand `{word}`", command.get_name()));
        } else if !is_placeholder(&word) || !command.has_subcommands() {
            positionals += 1;
            let taken = command.get_positionals().any(|arg| {
                arg.get_num_args().is_some_and(|range| range.max_values() > 1)
                    || arg.get_index().is_some_and(|index| index >= positionals)
            });
            if !taken && word != "..." {
                return Some(format!("`{}` takes no `{word}`", command.get_name()));
            }
        }
    }
    None
}

/// The words of a command line, without the brackets of a synopsis.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in text.chars() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('[' | ']' | ' ', None) => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (c, _) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether a word stands for what the reader puts in its place.
fn is_placeholder(word: &str) -> bool {
    word.starts_with(['$', '<', '.']) || word.chars().all(|c| c.is_ascii_uppercase() || "-_/.:".contains(c))
}

fn is_choice(arg: &Arg, value: &str) -> bool {
    let choices = arg.get_possible_values();
    choices.is_empty() || is_placeholder(value) || choices.iter().any(|choice| choice.matches(value, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Command {
        let mode = Arg::new("mode").long("mode").value_parser(["shadow", "active"]);
        let file = Arg::new("file").required(true);
        let push = Command::new("push").arg(mode).arg(file);
        let list = Command::new("list").arg(Arg::new("wide").long("wide").short('w').num_args(0));
        let mut program =
            Command::new("p").subcommand(Command::new("policy").subcommand(push).subcommand(list));
        program.build();
        program
    }

    #[test]
    fn what_a_program_takes_is_no_mistake() {
        for fits in [
            "",
            "policy",
            "policy push mine.wasm --mode shadow",
            "policy push --mode=MODE FILE",
            "--help",
            "policy list [-w]",
            "policy list $flags",
        ] {
            assert_eq!(mistake(&program(), fits), None, "{fits}");
        }
    }

    #[test]
    fn a_mistake_is_named() {
        for (wrong, part) in [
            ("polcy", "no subcommand `polcy`"),
            ("policy list --wied", "no flag `--wied`"),
            ("policy push a.wasm --mode shade", "does not take `shade`"),
            ("policy list more", "takes no `more`"),
            ("policy push a b", "takes no `b`"),
        ] {
            assert!(mistake(&program(), wrong).is_some_and(|found| found.contains(part)), "{wrong}");
        }
    }

    #[test]
    fn command_lines_are_found_in_code_and_in_sentences() {
        let text = "Run `p policy list` or `p-not`.\n\n```sh\nX=1 p policy list 2>&1 | grep p   # p nonsense\nfor a in b; do p policy; done\n```\n";
        let found: Vec<String> =
            command_lines(&Markdown::of(text), "p").into_iter().map(|piece| piece.text).collect();
        assert_eq!(found, ["policy list", "policy", "policy list"]);
    }
}
