//! The files that `netmarks policy new` writes, part of this binary.
//!
//! They come from all over the repository: templates, the contract, the SDK.

use clap::ValueEnum;

/// What a policy can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    Rust,
    #[value(alias = "javascript")]
    Js,
    Python,
    C,
    Go,
}

/// A path in the new folder, and the file's text.
type File = (&'static str, &'static str);

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../../../policies/templates/", $path))
    };
}

macro_rules! sdk {
    ($($path:literal),* $(,)?) => {
        [$((concat!("vendor/sdk/", $path), include_str!(concat!("../../../../../guest/sdk/", $path)))),*]
    };
}

const COMMON: [File; 2] = [
    ("cases.yaml", template!("cases.yaml")),
    ("wit/policy.wit", include_str!("../../../../../wit/policy.wit")),
];

const RUST: [File; 5] = [
    (".cargo/config.toml", template!("rust/.cargo/config.toml")),
    (".gitignore", template!("rust/.gitignore")),
    ("Cargo.toml", template!("rust/Cargo.toml")),
    ("README.md", template!("rust/README.md")),
    ("src/lib.rs", template!("rust/src/lib.rs")),
];

/// The SDK as it is in this repository, whole.
const SDK: [File; 11] = sdk![
    "Cargo.toml",
    "src/allocator.rs",
    "src/bindings.rs",
    "src/export.rs",
    "src/lib.rs",
    "src/log.rs",
    "src/need.rs",
    "src/parameter.rs",
    "src/policy.rs",
    "src/request.rs",
    "src/testing.rs",
];

const JS: [File; 4] = [
    (".gitignore", template!("js/.gitignore")),
    ("README.md", template!("js/README.md")),
    ("package.json", template!("js/package.json")),
    ("policy.js", template!("js/policy.js")),
];

const PYTHON: [File; 4] = [
    (".gitignore", template!("python/.gitignore")),
    ("README.md", template!("python/README.md")),
    ("policy.py", template!("python/policy.py")),
    ("requirements.txt", template!("python/requirements.txt")),
];

const C: [File; 3] = [
    (".gitignore", template!("c/.gitignore")),
    ("README.md", template!("c/README.md")),
    ("policy.c", template!("c/policy.c")),
];

const GO: [File; 10] = [
    (".gitignore", template!("go/.gitignore")),
    ("README.md", template!("go/README.md")),
    ("export_netmarks_policy_scoring/policy.go", template!("go/export_netmarks_policy_scoring/policy.go")),
    (
        "export_netmarks_policy_scoring/policy_test.go",
        template!("go/export_netmarks_policy_scoring/policy_test.go"),
    ),
    ("go.mod", template!("go/go.mod")),
    ("main.go", template!("go/main.go")),
    ("no-wasi.wat", template!("go/no-wasi.wat")),
    ("sdk/go.mod", template!("go/sdk/go.mod")),
    ("sdk/wit/runtime/runtime.go", template!("go/sdk/wit/runtime/runtime.go")),
    ("sdk/wit/types/types.go", template!("go/sdk/wit/types/types.go")),
];

/// All files of a policy in this language, with its name in their texts.
pub(super) fn files(language: Language, name: &str) -> Vec<(&'static str, String)> {
    let (own, sdk): (&[File], &[File]) = match language {
        Language::Rust => (&RUST, &SDK),
        Language::Js => (&JS, &[]),
        Language::Python => (&PYTHON, &[]),
        Language::C => (&C, &[]),
        Language::Go => (&GO, &[]),
    };
    let filled = |text: &str| text.replace("{{name}}", name).replace("{{crate}}", &name.replace('-', "_"));
    let own = COMMON.iter().chain(own).map(|(path, text)| (*path, filled(text)));
    // As it is: nothing of it is a template.
    own.chain(sdk.iter().map(|(path, text)| (*path, (*text).to_owned()))).collect()
}

/// How to make the component, to be run in the new folder; the same as in its `README.md`.
pub(super) fn build(language: Language, name: &str) -> String {
    let readme = files(language, name).into_iter().find(|(path, _)| *path == "README.md");
    let text = readme.map(|(_, text)| text).unwrap_or_default();
    let commands = text.lines().skip_while(|line| !line.starts_with("    "));
    commands.take_while(|line| line.starts_with("    ")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn found(folder: &Path, below: &str, files: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                found(&entry.path(), &format!("{path}/"), files);
            } else {
                files.insert(path);
            }
        }
    }

    #[test]
    fn no_file_of_a_template_or_of_the_sdk_is_forgotten() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for (language, folder) in [
            (Language::Rust, "rust"),
            (Language::Js, "js"),
            (Language::Python, "python"),
            (Language::C, "c"),
            (Language::Go, "go"),
        ] {
            let mut expected: BTreeSet<String> = COMMON.iter().map(|(path, _)| (*path).to_owned()).collect();
            found(&root.join("policies/templates").join(folder), "", &mut expected);
            if language == Language::Rust {
                found(&root.join("guest/sdk"), "vendor/sdk/", &mut expected);
            }
            let listed: BTreeSet<String> =
                files(language, "mine").into_iter().map(|(path, _)| path.to_owned()).collect();
            assert_eq!(listed, expected, "{language:?}");
        }
    }

    #[test]
    fn names_are_filled_in_and_nothing_else_is_left_to_fill_in() {
        for language in Language::value_variants() {
            for (path, text) in files(*language, "my-policy") {
                assert!(!text.contains("{{") || path.starts_with("vendor/"), "{path}");
            }
            let build = build(*language, "my-policy");
            assert!(build.ends_with("netmarks policy test my-policy.wasm --cases cases.yaml"), "{build}");
        }
    }
}
