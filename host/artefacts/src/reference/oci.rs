//! A manifest in a registry, named by tag or by digest.
//!
//! The grammar is that of the distribution project, with one difference: the registry and the tag or digest must be there.

use std::fmt;

use netmarks_core::digest::Digest;

/// The name that docker uses for its registry, and the host that it means.
const DOCKER_HUB: (&str, &str) = ("docker.io", "index.docker.io");

/// Most characters of a repository.
const REPOSITORY_CHARACTERS: usize = 255;

/// Most characters of a tag.
const TAG_CHARACTERS: usize = 128;

/// A manifest in a registry, by tag or by digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OciReference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl OciReference {
    /// Host and, if it was given, port of the registry.
    #[must_use]
    pub fn registry(&self) -> &str {
        let (name, host) = DOCKER_HUB;
        if self.registry == name { host } else { &self.registry }
    }

    /// The repository within the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag. Beside a digest it only informs.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The same repository with this manifest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// The same repository with another tag.
    pub(crate) fn tagged(&self, tag: String) -> Self {
        Self { tag: Some(tag), digest: None, ..self.clone() }
    }

    /// What stands behind `manifests/` in the registry's API.
    pub(crate) fn manifest_name(&self) -> String {
        match self.digest {
            Some(digest) => digest.to_string(),
            None => self.tag().unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (registry, rest) = text.split_once('/').ok_or("it has no registry")?;
        // As docker decides whether the first part is a registry; a default one would hide a typing error.
        if !(registry.contains(['.', ':']) || registry == "localhost") {
            return Err(format!(
                "`{registry}` is not a registry, which has a dot, a port, or is `localhost`"
            ));
        }
        if !is_registry(registry) {
            return Err(format!("`{registry}` is not the name of a host, with or without a port"));
        }
        let (name, digest) = match rest.split_once('@') {
            Some((name, digest)) => {
                (name, Some(digest.parse::<Digest>().map_err(|error| error.to_string())?))
            }
            None => (rest, None),
        };
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        if repository.len() > REPOSITORY_CHARACTERS || !repository.split('/').all(is_component) {
            return Err(format!(
                "invalid reference format: repositories are of lower-case letters, digits, `.`, `_`, `-` and `/`, at most \
                 {REPOSITORY_CHARACTERS} characters"
            ));
        }
        if !tag.is_none_or(is_tag) {
            return Err(format!(
                "invalid reference format: tags are of letters, digits, `.`, `_` and `-`, at most {TAG_CHARACTERS} characters"
            ));
        }
        if tag.is_none() && digest.is_none() {
            return Err("it has neither a tag nor a digest".to_owned());
        }
        let registry = if registry == DOCKER_HUB.1 { DOCKER_HUB.0 } else { registry };
        let is_official = registry == DOCKER_HUB.0 && !repository.contains('/');
        let repository = if is_official { format!("library/{repository}") } else { repository.to_owned() };
        Ok(Self { registry: registry.to_owned(), repository, tag: tag.map(str::to_owned), digest })
    }
}

/// A DNS name or an IPv4 address, with or without a port.
fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    host.split('.').all(is_label) && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case letters and digits, separated by one `.`, one or two `_`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_separator =
        |separator: &str| matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-');
    let is_edge = |byte: Option<u8>| byte.is_some_and(is_word);
    // Between words there is a separator; between the characters of one there is the empty one.
    is_edge(text.bytes().next())
        && is_edge(text.bytes().last())
        && text.split(|letter: char| u8::try_from(letter).is_ok_and(is_word)).all(is_separator)
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=TAG_CHARACTERS).contains(&text.len())
        && text.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
        && text.bytes().next().is_some_and(is_word)
}

impl fmt::Display for OciReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn parts() {
        let reference =
            OciReference::parse(&format!("registry.example:5000/a/zone:v1@sha256:{HEX}")).unwrap();
        assert_eq!(reference.registry(), "registry.example:5000");
        assert_eq!(reference.repository(), "a/zone");
        assert_eq!(reference.tag(), Some("v1"));
        assert_eq!(reference.manifest_name(), format!("sha256:{HEX}"));
        assert_eq!(reference.tagged("v2".to_owned()).to_string(), "registry.example:5000/a/zone:v2");
    }

    #[test]
    fn docker_hub_has_two_names_and_a_folder_for_what_has_none() {
        for text in ["docker.io/zone:v1", "index.docker.io/zone:v1", "docker.io/library/zone:v1"] {
            let reference = OciReference::parse(text).unwrap();
            assert_eq!((reference.registry(), reference.repository()), ("index.docker.io", "library/zone"));
            assert_eq!(reference.to_string(), "docker.io/library/zone:v1");
        }
    }

    #[test]
    fn the_grammar_is_that_of_the_distribution_project() {
        let long = "a".repeat(REPOSITORY_CHARACTERS);
        let tag = "v".repeat(TAG_CHARACTERS);
        for good in [
            "r.example/a:v1",
            "r.example/a.b_c__d-e--f/0:_",
            "R-1.example:5000/a:V1.0-rc_1",
            "127.0.0.1:5000/a/b/c:1",
            "localhost/a:v1",
            &format!("r.example/{long}:{tag}"),
        ] {
            assert_eq!(OciReference::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "r.example/:v1",
            "r.example/a//b:v1",
            "r.example/a/:v1",
            "r.example/A:v1",
            "r.example/ä:v1",
            "r.example/a..b:v1",
            "r.example/a___b:v1",
            "r.example/a.-b:v1",
            "r.example/-a:v1",
            "r.example/a_:v1",
            "r.example/a b:v1",
            "r.example/a:",
            "r.example/a:-v",
            "r.example/a:.v",
            "r.example/a:v1:v2",
            "r.example/a:vä",
            "r.example:/a:v1",
            "r.example:http/a:v1",
            "r.example:1:2/a:v1",
            "-r.example/a:v1",
            "r..example/a:v1",
            "u@r.example/a:v1",
            "[::1]:5000/a:v1",
            &format!("r.example/{long}a:v1"),
            &format!("r.example/a:{tag}v"),
        ] {
            OciReference::parse(bad).unwrap_err();
        }
    }
}
