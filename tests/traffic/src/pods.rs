//! Which pods an application has and on which nodes: proxies report per pod or per node.

use std::collections::BTreeMap;

/// Nodes over which applications without given pods are spread.
const DEFAULT_NODES: usize = 3;

/// One pod of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodInstance {
    /// Name of the pod.
    pub name: String,
    /// Name of its node.
    pub node: String,
    /// Its IP address.
    pub ip: String,
}

/// Holds the pods of applications. An application without any gets one, named after it, on `node-0` to `node-2` in turn.
/// Traffic is spread evenly over an application's pods.
#[derive(Debug, Clone, Default)]
pub struct Pods {
    by_application: BTreeMap<(String, String), Vec<PodInstance>>,
}

impl Pods {
    /// Adds a pod; its address is made up.
    #[must_use]
    pub fn with(mut self, namespace: &str, application: &str, pod: &str, node: &str) -> Self {
        let ip = address(self.by_application.values().map(Vec::len).sum());
        let instance = PodInstance { name: pod.to_owned(), node: node.to_owned(), ip };
        self.by_application.entry((namespace.to_owned(), application.to_owned())).or_default().push(instance);
        self
    }

    /// Gives each of the applications that has no pod one.
    pub(crate) fn complete<'a>(&self, applications: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut pods = self.clone();
        let mut made_up = 0;
        for (namespace, application) in applications {
            if pods.of(namespace, application).is_empty() {
                let node = format!("node-{}", made_up % DEFAULT_NODES);
                made_up += 1;
                pods = pods.with(namespace, application, &format!("{application}-6d4cf56db6-7hx2k"), &node);
            }
        }
        pods
    }

    pub(crate) fn of(&self, namespace: &str, application: &str) -> &[PodInstance] {
        let key = (namespace.to_owned(), application.to_owned());
        self.by_application.get(&key).map(Vec::as_slice).unwrap_or_default()
    }
}

fn address(index: usize) -> String {
    format!("10.244.{}.{}", index / 250, index % 250 + 1)
}
