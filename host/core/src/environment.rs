//! How a key of the configuration is called in the environment.

/// Environment variables of the configuration begin with this.
pub const PREFIX: &str = "NETMARKS_";

/// The environment variable of a key: `server.listen` is `NETMARKS_SERVER_LISTEN`.
#[must_use]
pub fn variable(key: &str) -> String {
    let mut name = PREFIX.to_owned();
    name.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }));
    name
}
