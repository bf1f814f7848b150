//! The command line of each control plane component: which flags, and why.
//!
//! This is what changes with a Kubernetes version.

use crate::process::Program;
use netmarks_test_tools::Binaries;
use std::path::Path;

/// How the API server and its clients find one another, and where everything is written.
pub(crate) struct Layout<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) kubeconfig: &'a Path,
    pub(crate) etcd_client_port: u16,
    pub(crate) etcd_peer_port: u16,
    pub(crate) api_port: u16,
    pub(crate) manager_port: u16,
    pub(crate) kwok_port: u16,
    pub(crate) service_accounts: bool,
    pub(crate) gangs: bool,
}

/// What runs in the controller manager: workloads, what keeps nodes and pods in order, and what fills the built-in roles such as `view`.
/// Left out is what needs a cloud, a kubelet, service-account tokens or certificates.
const CONTROLLERS: &str = "clusterrole-aggregation-controller,cronjob-controller,daemonset-controller,deployment-controller,\
    disruption-controller,garbage-collector-controller,job-controller,namespace-controller,\
    node-lifecycle-controller,pod-garbage-collector-controller,replicaset-controller,statefulset-controller,\
    taint-eviction-controller";

/// What fills namespaces with the account that pods use unless they name another.
const ACCOUNT_CONTROLLER: &str = "serviceaccount-controller";

/// The flag that lets kube-scheduler place the pods of a group together.
pub const GANGS: &str = "--feature-gates=GenericWorkload=true,GangScheduling=true";

/// Who did what, and whether it was allowed; of each request one line, when it has been answered.
pub(crate) const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
# A watch has been answered when it starts.
omitStages: [RequestReceived]
rules: [{level: Metadata}]
";

/// kwok's configuration: the stages that make nodes Ready and pods Running at once.
pub(crate) const KWOK_STAGES: &str = concat!(
    include_str!("../kwok-stages/node-initialize.yaml"),
    "\n---\n",
    include_str!("../kwok-stages/node-heartbeat.yaml"),
    "\n---\n",
    include_str!("../kwok-stages/pod-ready.yaml"),
    "\n---\n",
    include_str!("../kwok-stages/pod-complete.yaml"),
    "\n---\n",
    include_str!("../kwok-stages/pod-delete.yaml"),
);

impl Layout<'_> {
    pub(crate) fn etcd(&self, binaries: &Binaries) -> Program {
        let client = format!("http://127.0.0.1:{}", self.etcd_client_port);
        let peer = format!("http://127.0.0.1:{}", self.etcd_peer_port);
        let arguments = vec![
            format!("--data-dir={}", self.path("etcd-data")),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            // The data need not survive the machine, and a sync per write makes thousands of pods slow.
            "--unsafe-no-fsync".to_owned(),
            // Thousands of nodes and pods with their history outgrow the default of 2 GiB in long benchmarks.
            "--quota-backend-bytes=8589934592".to_owned(),
        ];
        Program::new("etcd", &binaries.etcd, arguments, self.folder)
    }

    pub(crate) fn kube_apiserver(&self, binaries: &Binaries) -> Program {
        let mut arguments = vec![
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_client_port),
            format!("--secure-port={}", self.api_port),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--cert-dir={}", self.path("apiserver")),
            format!("--service-account-key-file={}", self.path("service-account.pub")),
            format!("--service-account-signing-key-file={}", self.path("service-account.key")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            format!("--token-auth-file={}", self.path("tokens.csv")),
            // The `kubernetes` service would point at loopback.
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--audit-policy-file={}", self.path("audit-policy.yaml")),
            format!("--audit-log-path={}", self.path("audit.log")),
        ];
        if !self.service_accounts {
            // Pods have no containers that could use a token, and a namespace is ready for them at once.
            arguments.push("--disable-admission-plugins=ServiceAccount".to_owned());
        }
        if self.gangs {
            arguments.push(GANGS.to_owned());
            arguments.push("--runtime-config=scheduling.k8s.io/v1alpha2=true".to_owned());
        }
        Program::new("kube-apiserver", &binaries.kube_apiserver, arguments, self.folder)
    }

    pub(crate) fn kube_controller_manager(&self, binaries: &Binaries) -> Program {
        let kubeconfig = self.kubeconfig.display();
        let accounts = if self.service_accounts { format!(",{ACCOUNT_CONTROLLER}") } else { String::new() };
        let arguments = vec![
            format!("--kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
            format!("--secure-port={}", self.manager_port),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--cert-dir={}", self.path("controller-manager")),
            format!("--controllers={CONTROLLERS}{accounts}"),
            "--leader-elect=false".to_owned(),
            // Thousands of pods at the default of 20 requests/s would take minutes.
            "--kube-api-qps=2000".to_owned(),
            "--kube-api-burst=4000".to_owned(),
            // kwok's heartbeats come every 20 s; on a busy machine a late one must not evict a whole test.
            "--node-monitor-grace-period=10m".to_owned(),
        ];
        Program::new("kube-controller-manager", &binaries.kube_controller_manager, arguments, self.folder)
    }

    pub(crate) fn kwok(&self, binaries: &Binaries) -> Program {
        let arguments = vec![
            format!("--kubeconfig={}", self.kubeconfig.display()),
            format!("--config={}", self.path("kwok.yaml")),
            "--manage-all-nodes=true".to_owned(),
            format!("--server-address=127.0.0.1:{}", self.kwok_port),
            // Where the API server finds the kubelets: for `kubectl port-forward`.
            "--node-ip=127.0.0.1".to_owned(),
            format!("--node-port={}", self.kwok_port),
        ];
        let mut program = Program::new("kwok", &binaries.kwok, arguments, self.folder);
        // It reads ~/.kwok otherwise, and a user's own settings would change tests.
        program.environment.push(("KWOK_WORKDIR".to_owned(), self.path("kwok")));
        program
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}
