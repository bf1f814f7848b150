//! Clusters and rollouts that are compared: each has its own nodes, and what happens in it depends on a seed alone.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use netmarks_test_cluster::NodeSpec;
use serde_json::{Value, json};

/// One cluster and what is rolled out in it.
pub(super) struct Shape {
    pub(super) namespace: String,
    pub(super) nodes: Vec<NodeSpec>,
    /// A node, and what kubectl does to it: the verb and what comes after the name.
    pub(super) patches: Vec<(String, Vec<String>)>,
    pub(super) services: Vec<Service>,
    pub(super) deployments: Vec<Deployment>,
    /// Whether each Deployment waits for the pods of the one before.
    pub(super) one_by_one: bool,
}

/// All shapes, with numbers drawn from a seed.
pub(super) fn all(seed: u64) -> Vec<Shape> {
    let draw = Draw(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    [free, tight, zones, rules, neighbours, whole]
        .into_iter()
        .map(|shape| {
            let mut shape = shape(&mut draw.clone());
            shape.namespace = format!("{}-{seed}", shape.namespace);
            for deployment in &mut shape.deployments {
                deployment.metadata.namespace = Some(shape.namespace.clone());
            }
            shape
        })
        .collect()
}

/// xorshift64: the same numbers on every machine.
#[derive(Clone)]
struct Draw(u64);

impl Draw {
    /// From `least` to `most`.
    fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        least + (self.0 >> 11) % (most - least + 1)
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.between(1, times) == 1
    }
}

pub(super) fn shape(namespace: &str, nodes: Vec<NodeSpec>, deployments: Vec<Value>) -> Shape {
    let deployments = deployments.into_iter().map(|it| serde_json::from_value(it).unwrap()).collect();
    Shape {
        namespace: namespace.to_owned(),
        nodes,
        patches: Vec::new(),
        services: Vec::new(),
        deployments,
        one_by_one: false,
    }
}

pub(super) fn node(index: usize) -> NodeSpec {
    NodeSpec::new(format!("node-{index:02}"))
}

fn service(app: &str) -> Service {
    let spec = json!({"selector": {"app": app}, "ports": [{"port": 80}]});
    serde_json::from_value(json!({"metadata": {"name": app}, "spec": spec})).unwrap()
}

/// Requests of a container; one in six has none.
fn requests(draw: &mut Draw, millicores: u64, mebibytes: u64) -> Value {
    if draw.once_in(6) {
        return json!({});
    }
    let cpu = format!("{}m", draw.between(millicores / 4, millicores));
    let memory = format!("{}Mi", draw.between(mebibytes / 4, mebibytes));
    json!({"cpu": cpu, "memory": memory})
}

/// A Deployment whose pods have these fields beside their containers.
#[allow(clippy::needless_pass_by_value, reason = "callers write the fields in place")]
pub(super) fn deployment(app: &str, replicas: u64, requests: Value, fields: Value) -> Value {
    let mut spec = json!({
        "containers": [{"name": "main", "image": "none.invalid/none", "resources": {"requests": requests}}],
        "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": 0,
    });
    for (name, value) in fields.as_object().unwrap() {
        spec[name] = value.clone();
    }
    json!({
        "metadata": {"name": app},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "template": {"metadata": {"labels": {"app": app, "tier": &app[..1]}}, "spec": spec},
        },
    })
}

fn labels(app: &str) -> Value {
    json!({"matchLabels": {"app": app}})
}

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";
const CORDON: &str = r#"--patch={"spec": {"unschedulable": true}}"#;

/// More room than is needed, on nodes of different sizes; half of the applications have a Service.
fn free(draw: &mut Draw) -> Shape {
    let sizes = [("8", "32Gi"), ("16", "32Gi"), ("4", "16Gi")];
    let nodes = (0..12).map(|index| node(index).with_capacity(sizes[index % 3].0, sizes[index % 3].1));
    let apps: Vec<String> = (0..14).map(|index| format!("f{index}")).collect();
    let deployments = apps.iter().map(|app| {
        let replicas = draw.between(2, 8);
        deployment(app, replicas, requests(draw, 800, 1500), json!({}))
    });
    let deployments = deployments.collect();
    let mut shape = shape("free", nodes.collect(), deployments);
    shape.services = apps.iter().step_by(2).map(|app| service(app)).collect();
    shape
}

/// More is asked for than there is.
fn tight(draw: &mut Draw) -> Shape {
    let nodes = (0..10).map(|index| node(index).with_capacity("2", "4Gi"));
    let deployments = (0..10).map(|index| {
        let cpu = format!("{}m", draw.between(250, 600));
        let memory = format!("{}Mi", draw.between(200, 900));
        deployment(&format!("t{index}"), 7, json!({"cpu": cpu, "memory": memory}), json!({}))
    });
    let deployments = deployments.collect();
    shape("tight", nodes.collect(), deployments)
}

/// Three zones of different sizes, and nodes without one; every kind of spread constraint.
fn zones(draw: &mut Draw) -> Shape {
    let zones = ["a", "a", "a", "a", "b", "b", "b", "c", "c", "a"];
    let mut nodes: Vec<_> =
        zones.into_iter().enumerate().map(|(index, zone)| node(index).in_zone(zone)).collect();
    nodes.extend([node(10), node(11)]);
    let spread = |key: &str, skew: u64, when: &str, app: &str| json!({"topologyKey": key, "maxSkew": skew, "whenUnsatisfiable": when, "labelSelector": labels(app)});
    let (hard, soft) = ("DoNotSchedule", "ScheduleAnyway");
    let mut revision = spread(HOST, 2, hard, "z3");
    revision["matchLabelKeys"] = json!(["pod-template-hash"]);
    let mut domains = spread(ZONE, 2, hard, "z4");
    domains["minDomains"] = json!(3);
    domains["nodeTaintsPolicy"] = json!("Honor");
    let mut all_nodes = spread(ZONE, 1, soft, "z5");
    all_nodes["nodeAffinityPolicy"] = json!("Ignore");
    let tier = json!({
        "topologyKey": ZONE, "maxSkew": 1, "whenUnsatisfiable": soft, "labelSelector": {"matchLabels": {"tier": "z"}},
    });
    let constraints = [
        vec![spread(ZONE, 1, hard, "z0")],
        vec![spread(ZONE, 1, hard, "z1"), spread(HOST, 1, soft, "z1")],
        vec![spread(ZONE, 2, soft, "z2"), spread(HOST, 3, soft, "z2")],
        vec![revision],
        vec![domains],
        vec![all_nodes],
        vec![tier],
        vec![],
    ];
    let deployments = constraints.into_iter().enumerate().map(|(index, constraints)| {
        let fields = json!({"topologySpreadConstraints": constraints});
        let replicas = draw.between(5, 9);
        deployment(&format!("z{index}"), replicas, requests(draw, 400, 500), fields)
    });
    let deployments = deployments.collect();
    shape("zones", nodes, deployments)
}

/// Taints, tolerations, node selectors, node affinity, and a cordoned node.
fn rules(draw: &mut Draw) -> Shape {
    let nodes = (0..12).map(|index| {
        let mut node = node(index);
        node.labels.insert("disk".to_owned(), ["ssd", "hdd"][index % 2].to_owned());
        node.labels.insert("generation".to_owned(), (index / 3).to_string());
        node
    });
    let rule = |key: &str, operator: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
    let preferred = |weight: u64, preference: Value| json!({"weight": weight, "preference": preference});
    let required = |terms: Value| json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
    let prefers = |terms: Value| json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}});
    let tolerates = |key: &str| json!({"tolerations": [{"key": key, "operator": "Exists"}]});
    let named = json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-03"]}]},
        rule("generation", "Lt", json!(["1"]))]);
    let fields = [
        json!({"nodeSelector": {"disk": "ssd"}}),
        prefers(json!([
            preferred(80, rule("disk", "In", json!(["hdd"]))),
            preferred(30, rule("generation", "Gt", json!(["1"]))),
        ])),
        json!({"affinity": {"nodeAffinity": required(json!([rule("generation", "NotIn", json!(["0", "2"]))]))}}),
        json!({"affinity": {"nodeAffinity": required(named)}}),
        tolerates("reserved"),
        tolerates("rather-not"),
        json!({"tolerations": [{"operator": "Exists"}]}),
        json!({}),
        json!({}),
    ];
    let deployments = fields.into_iter().enumerate().map(|(index, fields)| {
        let replicas = draw.between(4, 8);
        deployment(&format!("r{index}"), replicas, requests(draw, 500, 900), fields)
    });
    let deployments = deployments.collect();
    let mut shape = shape("rules", nodes.collect(), deployments);
    let taint = |node: &str, taint: &str| (node.to_owned(), vec!["taint".to_owned(), taint.to_owned()]);
    shape.patches = vec![
        taint("node-00", "reserved=yes:NoSchedule"),
        taint("node-01", "reserved=yes:NoSchedule"),
        taint("node-04", "rather-not=:PreferNoSchedule"),
        taint("node-05", "rather-not=:PreferNoSchedule"),
        taint("node-05", "second=:PreferNoSchedule"),
        ("node-07".to_owned(), vec!["patch".to_owned(), CORDON.to_owned()]),
    ];
    shape
}

/// Applications that attract each other, that require each other, and that keep away from each other.
fn neighbours(draw: &mut Draw) -> Shape {
    let zones = ["a", "a", "a", "b", "b", "b", "c", "c", "c", "c"];
    let nodes = zones.into_iter().enumerate().map(|(index, zone)| node(index).in_zone(zone));
    let term = |key: &str, app: &str| json!({"topologyKey": key, "labelSelector": labels(app)});
    let required = |term: Value| json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]});
    let preferred = |weight: u64, term: Value| json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm": term}]});
    let anywhere = json!({
        "topologyKey": ZONE, "labelSelector": {"matchLabels": {"tier": "n"}}, "namespaceSelector": {},
    });
    let affinities = [
        json!({"podAffinity": preferred(100, term(HOST, "n1"))}),
        json!({"podAffinity": preferred(60, term(HOST, "n0"))}),
        json!({"podAffinity": required(term(ZONE, "n2"))}),
        json!({"podAntiAffinity": required(term(HOST, "n3"))}),
        json!({"podAntiAffinity": preferred(50, term(ZONE, "n0"))}),
        json!({"podAffinity": required(term(ZONE, "n2")), "podAntiAffinity": preferred(20, term(HOST, "n5"))}),
        json!({"podAntiAffinity": preferred(10, anywhere)}),
        json!({}),
    ];
    let deployments = affinities.into_iter().enumerate().map(|(index, affinity)| {
        let replicas = draw.between(4, 8);
        let fields = json!({"affinity": affinity});
        deployment(&format!("n{index}"), replicas, requests(draw, 500, 900), fields)
    });
    let deployments = deployments.collect();
    shape("neighbours", nodes.collect(), deployments)
}

/// Pods that find no place, each for reasons of its own, beside others that do.
pub(super) fn nowhere() -> Shape {
    let mut nodes: Vec<_> = (0..9).map(|index| node(index).in_zone(["a", "b", "c"][index / 3])).collect();
    nodes[0].zone = None;
    // Of zone c, one node is cordoned and the other tainted, below.
    nodes[6].zone = Some("b".to_owned());
    nodes[1].pods = 1;
    nodes[2].cpu = "1".to_owned();
    let term = |key: &str, app: &str| json!({"topologyKey": key, "labelSelector": labels(app)});
    let required = |term: Value| json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]});
    let spread = |key: &str, app: &str| {
        json!({"topologySpreadConstraints": [{"topologyKey": key, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": labels(app)}]})
    };
    let mut with_port = json!({"name": "main", "image": "none.invalid/none"});
    with_port["ports"] = json!([{"containerPort": 80, "hostPort": 8080}]);
    let fields = [
        ("fills", 1, json!({}), json!({"nodeSelector": {HOST: "node-01"}})),
        ("picky", 1, json!({}), json!({"nodeSelector": {"disk": "none"}})),
        ("huge", 1, json!({"cpu": "9"}), json!({})),
        ("fat", 1, json!({"memory": "40Gi"}), json!({})),
        ("device", 1, json!({"example.com/device": "1"}), json!({})),
        ("port", 9, json!({}), json!({"containers": [with_port]})),
        ("even", 4, json!({}), spread(ZONE, "even")),
        ("lonely", 1, json!({}), json!({"affinity": {"podAffinity": required(term(HOST, "nobody"))}})),
        ("apart", 9, json!({}), json!({"affinity": {"podAntiAffinity": required(term(HOST, "apart"))}})),
        (
            "guard",
            1,
            json!({}),
            json!({"affinity": {"podAntiAffinity": required(term("kubernetes.io/os", "victim"))}}),
        ),
        ("victim", 1, json!({}), json!({})),
    ];
    let deployments = fields.map(|(app, replicas, requests, fields)| {
        let mut requests = requests;
        let limits = requests.get("example.com/device").map(|device| json!({"example.com/device": device}));
        let mut deployment = deployment(app, replicas, requests.take(), fields);
        if let Some(limits) = limits {
            deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] = limits;
        }
        deployment
    });
    let mut shape = shape("nowhere", nodes, deployments.to_vec());
    shape.one_by_one = true;
    for deployment in &mut shape.deployments {
        deployment.metadata.namespace = Some(shape.namespace.clone());
    }
    shape.patches = vec![
        ("node-08".to_owned(), vec!["taint".to_owned(), "reserved=yes:NoSchedule".to_owned()]),
        ("node-07".to_owned(), vec!["patch".to_owned(), CORDON.to_owned()]),
    ];
    shape
}

/// What pods take as a whole: host ports, containers that run before others, sidecars, and pod overhead beside many small ones.
fn whole(draw: &mut Draw) -> Shape {
    let nodes = (0..9).map(|index| NodeSpec { pods: 9, ..node(index).with_capacity("4", "8Gi") });
    let container = |name: &str, requests: Value| json!({"name": name, "image": "none.invalid/none", "resources": {"requests": requests}});
    let before = |name: &str, sidecar: bool, requests: Value| {
        let mut container = container(name, requests);
        if sidecar {
            container["restartPolicy"] = json!("Always");
        }
        container
    };
    let mut with_port = container("main", json!({"cpu": "100m"}));
    with_port["ports"] = json!([{"containerPort": 80, "hostPort": 8080}]);
    let two = [container("main", json!({"cpu": "300m"})), container("other", json!({"memory": "300Mi"}))];
    let fields = [
        json!({"containers": [with_port]}),
        json!({"containers": two}),
        json!({"initContainers": [before("first", false, json!({"cpu": "900m", "memory": "1Gi"}))]}),
        json!({"initContainers": [before("proxy", true, json!({"cpu": "100m", "memory": "128Mi"}))]}),
        json!({"initContainers": [
            before("proxy", true, json!({"cpu": "100m"})), before("first", false, json!({"memory": "1Gi"})),
        ]}),
        json!({"resources": {"requests": {"cpu": "400m", "memory": "512Mi"}}}),
        json!({}),
    ];
    let deployments = fields.into_iter().enumerate().map(|(index, fields)| {
        let replicas = draw.between(5, 8);
        deployment(&format!("w{index}"), replicas, requests(draw, 250, 300), fields)
    });
    let deployments = deployments.collect();
    shape("whole", nodes.collect(), deployments)
}
