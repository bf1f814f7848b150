//! Bodies of kube-scheduler's requests. What is read, by whichever way, is what serde reads of the same body, and the answer is
//! JSON with the names that came in.
#![no_main]

#[path = "../shared/ordered.rs"]
mod ordered;

use libfuzzer_sys::fuzz_target;
use netmarks_core::application::Identity;
use netmarks_extender::protocol::{PrioritizeRequest, decode, encode};
use ordered::Json;

fuzz_target!(|body: &[u8]| {
    let Ok(request) = decode(body, Identity::App.into()) else { return };
    let all: Vec<(u32, u32)> = (0..).zip(&request.nodes).map(|(candidate, _)| (candidate, 10)).collect();
    let answer = Json::read(&encode(&request.nodes, &all)).expect("the answer is JSON");
    let hosts: Vec<&str> = answer.list().iter().filter_map(|entry| entry.field("Host")?.text()).collect();
    assert_eq!(hosts, request.nodes);
    // What is skipped is not read as strictly as serde reads all of it.
    if let Some(read) = Json::read(body) {
        compare(&request, &read);
    }
});

fn compare(request: &PrioritizeRequest<'_>, read: &Json) {
    let names: Vec<&str> = match (read.field("NodeNames"), read.field("Nodes")) {
        (Some(names), _) => names.list().iter().map(|name| name.text().unwrap_or_default()).collect(),
        (None, nodes) => {
            let items = nodes.and_then(|nodes| nodes.field("items")).map_or(&[][..], Json::list);
            items.iter().map(|node| text(node.field("metadata"), "name")).collect()
        }
    };
    assert_eq!(request.nodes, names);
    let metadata = read.field("Pod").and_then(|pod| pod.field("metadata"));
    let (namespace, name) = (text(metadata, "namespace"), text(metadata, "name"));
    assert_eq!(request.pod.key, format!("{namespace}/{name}"));
    let labels = metadata.and_then(|metadata| metadata.field("labels")).map_or(&[][..], Json::entries);
    let labels: Vec<(&str, &str)> =
        labels.iter().map(|(key, value)| (&**key, value.text().unwrap_or_default())).collect();
    let ours: Vec<(&str, &str)> = request.pod.labels.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(ours, labels);
    let application = labels.iter().rfind(|(key, _)| *key == "app").map(|(_, value)| *value);
    if let Some(application) = application.filter(|application| !application.is_empty()) {
        let application = format!("{namespace}/{application}");
        assert_eq!(request.pod.application.as_ref().map(|known| known.as_str()), Some(&*application));
    }
}

fn text<'a>(object: Option<&'a Json>, name: &str) -> &'a str {
    object.and_then(|object| object.field(name)?.text()).unwrap_or_default()
}
