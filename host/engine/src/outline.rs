//! What a component imports and exports, read from its sections without compiling it.
//!
//! For what must be known of a component that this engine may be unable to compile. Nothing here is validated: an unreadable
//! component has a shorter outline, and the compiler says what is wrong with it.

use wasmparser::{Parser, Payload};

/// Most names of each kind that are read: one of an interpreter has about forty.
const MOST_NAMES: usize = 256;

/// Holds the names of a component's imports and exports, in their order, as far as they can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

impl Outline {
    /// Reads the outline of a component in its binary form.
    #[must_use]
    pub fn of(component: &[u8]) -> Self {
        let mut outline = Self::default();
        // Components and modules within it import from it, not from the host.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(component) {
            let Ok(payload) = payload else { break };
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    let names = section.into_iter().map_while(Result::ok).map(|import| import.name);
                    extend(&mut outline.imports, names.map(|name| full(name.name, name.version_suffix)));
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    let names = section.into_iter().map_while(Result::ok).map(|export| export.name);
                    extend(&mut outline.exports, names.map(|name| full(name.name, name.version_suffix)));
                }
                _ => {}
            }
        }
        outline
    }
}

fn extend(names: &mut Vec<String>, more: impl Iterator<Item = String>) {
    let free = MOST_NAMES.saturating_sub(names.len());
    names.extend(more.take(free));
}

/// A name whose version may stand in two parts: `wasi:io/poll@0.2` and `.6`.
fn full(name: &str, version_suffix: Option<&str>) -> String {
    [name, version_suffix.unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> Outline {
        Outline::of(&wat::parse_str(text).unwrap())
    }

    #[test]
    fn names_of_the_component_itself_are_read_and_those_within_are_not() {
        let outline = outline(
            r#"(component
                (component (import "inner:a/b@1.0.0" (func)))
                (core module (import "core" "f" (func)))
                (import "netmarks:policy/log@0.1.0" (instance $log))
                (export "netmarks:policy/again@0.1.0" (instance $log)))"#,
        );
        assert_eq!(outline.imports, ["netmarks:policy/log@0.1.0"]);
        assert_eq!(outline.exports, ["netmarks:policy/again@0.1.0"]);
    }

    mod hostile {
        use super::*;

        #[test]
        fn what_is_cut_off_or_no_component_has_a_shorter_outline() {
            let whole =
                wat::parse_str(r#"(component (import "a:b/c@1.0.0" (instance)) (import "d" (func)))"#)
                    .unwrap();
            for length in 0..whole.len() {
                let cut = Outline::of(whole.get(..length).unwrap());
                assert!(cut.imports.len() <= 2 && cut.exports.is_empty(), "{cut:?}");
            }
            assert_eq!(Outline::of(b"\0asm\x01\0\0\0"), Outline::default());
        }

        #[test]
        fn a_flood_of_names_is_cut() {
            let imports: String = (0..1_000).map(|n| format!(r#"(import "n{n}" (func))"#)).collect();
            assert_eq!(outline(&format!("(component {imports})")).imports.len(), MOST_NAMES);
        }
    }
}
