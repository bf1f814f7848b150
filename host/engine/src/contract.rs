//! Which versions of the contract this host speaks, and which wasmtime it runs policies with.

/// The packages of `wit/` whose policies this host accepts: frozen versions, side by side.
const PACKAGES: &[&str] = &["netmarks:policy@0.1.0"];

/// The interface that a policy exports, with the version of the contract that this host speaks.
pub const CONTRACT: &str = "netmarks:policy/scoring@0.1.0";

/// What a policy may import without a grant. `types` holds no functions.
pub(crate) const IMPORTS: [&str; 2] = ["netmarks:policy/logging@0.1.0", "netmarks:policy/types@0.1.0"];

/// What this host runs policies with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The version of wasmtime, from Cargo.lock.
    pub wasmtime: &'static str,
    /// The packages of the contract that it accepts, each `NAME@VERSION`.
    pub contracts: &'static [&'static str],
}

/// What this host runs policies with, for `netmarks --version`.
#[must_use]
pub fn version() -> Version {
    Version { wasmtime: env!("NETMARKS_WASMTIME_VERSION"), contracts: PACKAGES }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_what_the_contract_says() {
        let contract = include_str!("../../../wit/policy.wit");
        let package = contract.lines().find_map(|line| line.strip_prefix("package ")?.strip_suffix(';'));
        assert_eq!(package, PACKAGES.last().copied());
        for interface in [&IMPORTS[..], &[CONTRACT]].concat() {
            let (name, version) = interface.split_once('@').unwrap();
            let (package, name) = name.split_once('/').unwrap();
            assert!(PACKAGES.contains(&format!("{package}@{version}").as_str()), "{interface}");
            assert!(contract.contains(&format!("\ninterface {name} {{")), "{interface}");
        }
    }

    #[test]
    fn wasmtime_s_version_is_one() {
        let numbers: Vec<u32> = version().wasmtime.split('.').map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 3);
    }
}
