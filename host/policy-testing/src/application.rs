//! Applications as tests write them.

use netmarks_core::application::Application;

/// `namespace/name`, or a name in the namespace `default`.
pub(crate) fn read(text: &str) -> Application {
    let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
    Application::new(namespace, name)
}
