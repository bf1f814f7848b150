//! Go programs: those of the control plane and others, built from the Go module proxy once and kept in the user's cache folder.
//!
//! Nobody publishes these binaries in a package registry, and a container engine is not always at hand; the Go toolchain
//! and its proxy are enough. A build of all of them takes minutes, so the result is kept, in a folder whose name holds the
//! version and a hash of what was built from: another `go.sum` is another folder.

use crate::cache::cached;
use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Paths of every program of a control plane.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// etcd, the store behind the API server.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub kube_apiserver: PathBuf,
    /// kube-controller-manager.
    pub kube_controller_manager: PathBuf,
    /// kube-scheduler, the caller of the extender.
    pub kube_scheduler: PathBuf,
    /// kubectl of the same version, for people.
    pub kubectl: PathBuf,
    /// kwok, which plays the kubelets.
    pub kwok: PathBuf,
    /// helm, which installs the chart.
    pub helm: PathBuf,
}

/// Paths of VictoriaMetrics' programs. Separate from [`Binaries`], so that only those who need them build them.
#[derive(Debug, Clone)]
pub struct MetricsStores {
    /// victoria-metrics, a store with Prometheus' API in one process.
    pub victoria_metrics: PathBuf,
    /// vmauth, which lets callers in and sends each to the store of its tenant.
    pub vmauth: PathBuf,
}

/// Paths of what measures the throughput of a scheduler. Separate for the same reason.
#[derive(Debug, Clone)]
pub struct ThroughputPrograms {
    /// etcd, which scheduler_perf starts beside its API server.
    pub etcd: PathBuf,
    /// scheduler_perf with our workload, a benchmark of Go's package testing.
    pub benchmark: PathBuf,
    /// Extenders to compare with, and a client that loads one.
    pub tools: PathBuf,
}

/// One Go module under `tests/tools/go`, and the commands that are built from it.
struct GoModule {
    name: &'static str,
    /// The required module whose version the module's folder in the cache is named after.
    main_requirement: &'static str,
    packages: &'static [&'static str],
    /// Whether the tests of its own package are a program, too: `NAME.test`.
    tests: bool,
    /// Go variables that take the version, as the project's own release build sets them.
    version_variables: fn(version: &str) -> Vec<(&'static str, String)>,
}

const ETCD: GoModule = GoModule {
    name: "etcd",
    main_requirement: "go.etcd.io/etcd/server/v3",
    packages: &["."],
    tests: false,
    version_variables: |_| Vec::new(),
};

const KUBERNETES: GoModule = GoModule {
    name: "kubernetes",
    main_requirement: "k8s.io/kubernetes",
    packages: &[
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-scheduler",
        "k8s.io/kubernetes/cmd/kubectl",
    ],
    tests: false,
    version_variables: kubernetes_version,
};

const KUBEADM: GoModule = GoModule {
    name: "kubeadm",
    main_requirement: "k8s.io/kubernetes",
    packages: &["k8s.io/kubernetes/cmd/kubeadm"],
    tests: false,
    version_variables: kubernetes_version,
};

const CERT_MANAGER: GoModule = GoModule {
    name: "certmanager",
    main_requirement: "github.com/cert-manager/cert-manager",
    packages: &["."],
    tests: false,
    version_variables: |_| Vec::new(),
};

const THROUGHPUT: GoModule = GoModule {
    name: "throughput",
    main_requirement: "k8s.io/kubernetes",
    packages: &["."],
    tests: true,
    version_variables: kubernetes_version,
};

const KWOK: GoModule = GoModule {
    name: "kwok",
    main_requirement: "sigs.k8s.io/kwok",
    packages: &["sigs.k8s.io/kwok/cmd/kwok"],
    tests: false,
    version_variables: |_| Vec::new(),
};

const HELM: GoModule = GoModule {
    name: "helm",
    main_requirement: "helm.sh/helm/v3",
    packages: &["helm.sh/helm/v3/cmd/helm"],
    tests: false,
    version_variables: |version| {
        vec![
            ("helm.sh/helm/v3/internal/version.version", version.to_owned()),
            // What `helm template` takes for the cluster's version unless told: that of the client-go in its go.mod.
            ("helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor", "1".to_owned()),
            ("helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor", "37".to_owned()),
        ]
    },
};

const VICTORIA_METRICS: GoModule = GoModule {
    name: "victoriametrics",
    main_requirement: "github.com/VictoriaMetrics/VictoriaMetrics",
    packages: &[
        "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics",
        "github.com/VictoriaMetrics/VictoriaMetrics/app/vmauth",
    ],
    tests: false,
    version_variables: |_| Vec::new(),
};

/// Builds kubeadm, or finds it in the cache. Separate from [`Binaries`], so that only those who need it build it.
pub fn kubeadm(progress: &dyn Fn(&str)) -> Result<PathBuf> {
    Ok(KUBEADM.ensure(progress)?.join("kubeadm"))
}

/// Builds cert-manager's controllers, or finds them in the cache; apart for the same reason.
pub fn cert_manager(progress: &dyn Fn(&str)) -> Result<PathBuf> {
    Ok(CERT_MANAGER.ensure(progress)?.join("certmanager"))
}

impl Binaries {
    /// Finds every program in the cache, and builds those that are missing (minutes, needs `go` and the module proxy).
    ///
    /// `progress` gets a line when a build starts and ends, and nothing when all is there. Safe to call from several
    /// processes at once: one builds, the others wait for it. An interrupted build leaves nothing that looks complete.
    pub fn ensure(progress: &dyn Fn(&str)) -> Result<Self> {
        let etcd = ETCD.ensure(progress)?;
        let kubernetes = KUBERNETES.ensure(progress)?;
        let kwok = KWOK.ensure(progress)?;
        let helm = HELM.ensure(progress)?;
        Ok(Self {
            etcd: etcd.join("etcd"),
            kube_apiserver: kubernetes.join("kube-apiserver"),
            kube_controller_manager: kubernetes.join("kube-controller-manager"),
            kube_scheduler: kubernetes.join("kube-scheduler"),
            kubectl: kubernetes.join("kubectl"),
            kwok: kwok.join("kwok"),
            helm: helm.join("helm"),
        })
    }
}

impl MetricsStores {
    /// Finds them in the cache, and builds them if they are missing, as [`Binaries::ensure`] does.
    pub fn ensure(progress: &dyn Fn(&str)) -> Result<Self> {
        let folder = VICTORIA_METRICS.ensure(progress)?;
        Ok(Self { victoria_metrics: folder.join("victoria-metrics"), vmauth: folder.join("vmauth") })
    }
}

impl ThroughputPrograms {
    /// Finds them in the cache, and builds those that are missing, as [`Binaries::ensure`] does.
    pub fn ensure(progress: &dyn Fn(&str)) -> Result<Self> {
        let etcd = ETCD.ensure(progress)?.join("etcd");
        let folder = THROUGHPUT.ensure(progress)?;
        Ok(Self { etcd, benchmark: folder.join("throughput.test"), tools: folder.join("throughput") })
    }

    /// The version of Kubernetes whose scheduler it is.
    pub fn kubernetes() -> Result<String> {
        THROUGHPUT.version()
    }
}

impl GoModule {
    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(self.name)
    }

    /// The folder with its built commands.
    fn ensure(&self, progress: &dyn Fn(&str)) -> Result<PathBuf> {
        let provide = || {
            let version = self.version()?;
            let flags = self.linker_flags(&version);
            let name = format!("{}-{version}-{}", self.name, self.fingerprint(&flags)?);
            cached(&name, progress, |folder| self.build(&flags, folder))
        };
        provide().with_context(|| format!("failed to provide {}", self.name))
    }

    fn build(&self, flags: &str, output: &Path) -> Result<()> {
        self.go(&["build"], flags, output, self.packages)?;
        if self.tests {
            self.go(&["test", "-c"], flags, &output.join(format!("{}.test", self.name)), &["."])?;
        }
        Ok(())
    }

    /// Compiles packages into `output`.
    fn go(&self, task: &[&str], flags: &str, output: &Path, packages: &[&str]) -> Result<()> {
        let result = Command::new("go")
            .current_dir(self.folder())
            // Nothing here needs C, and without it a C compiler is not needed either.
            .env("CGO_ENABLED", "0")
            .args(task)
            .args(["-trimpath", "-mod=readonly", "-buildvcs=false", "-ldflags", flags, "-o"])
            .arg(output)
            .args(packages)
            .output()
            .context("failed to run `go`; install Go 1.26 or newer (https://go.dev/dl) and put it on PATH")?;
        if !result.status.success() {
            bail!(
                "`go {}` in {} failed:\n{}",
                task.join(" "),
                self.folder().display(),
                String::from_utf8_lossy(&result.stderr)
            );
        }
        Ok(())
    }

    fn linker_flags(&self, version: &str) -> String {
        let mut flags = String::from("-s -w");
        for (variable, value) in (self.version_variables)(version) {
            flags.push_str(&format!(" -X {variable}={value}"));
        }
        flags
    }

    /// The version of the main requirement, from go.mod: so that it is written down in one place.
    fn version(&self) -> Result<String> {
        let path = self.folder().join("go.mod");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        required_version(&text, self.main_requirement)
            .map(str::to_owned)
            .with_context(|| format!("{} does not require {}", path.display(), self.main_requirement))
    }

    /// A short hash of all that decides what the build gives, except the Go toolchain.
    fn fingerprint(&self, flags: &str) -> Result<String> {
        let folder = self.folder();
        let mut hash = Sha256::new();
        hash.update(flags);
        let mut names = Vec::new();
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("failed to list {}", folder.display()))?
        {
            names.push(entry.with_context(|| format!("failed to list {}", folder.display()))?.file_name());
        }
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let mut content = Vec::new();
            File::open(&path)
                .and_then(|mut file| file.read_to_end(&mut content))
                .with_context(|| format!("failed to read {}", path.display()))?;
            hash.update(name.as_encoded_bytes());
            hash.update(content.len().to_le_bytes());
            hash.update(content);
        }
        Ok(hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// What Kubernetes' own build sets in its programs.
fn kubernetes_version(version: &str) -> Vec<(&'static str, String)> {
    let mut numbers = version.trim_start_matches('v').split('.');
    let major = numbers.next().unwrap_or_default().to_owned();
    let minor = numbers.next().unwrap_or_default().to_owned();
    vec![
        ("k8s.io/component-base/version.gitVersion", version.to_owned()),
        ("k8s.io/component-base/version.gitMajor", major),
        ("k8s.io/component-base/version.gitMinor", minor),
    ]
}

/// Finds the version in `require module version` or in a line of a `require (` block.
fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("require ").unwrap_or(line);
        let mut words = line.split_whitespace();
        (words.next() == Some(module))
            .then(|| words.next())
            .flatten()
            .filter(|version| version.starts_with('v'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_comes_from_the_require_line_and_not_from_a_replacement() {
        let go_mod = "replace (\n\tk8s.io/api => k8s.io/api v0.36.3\n)\nrequire (\n\tk8s.io/api v0.0.0 // indirect\n)\n";
        assert_eq!(required_version(go_mod, "k8s.io/api"), Some("v0.0.0"));
        assert_eq!(required_version("require a.b/c v1.2.3\n", "a.b/c"), Some("v1.2.3"));
        assert_eq!(required_version("require a.b/cd v1.2.3\n", "a.b/c"), None);
    }

    #[test]
    fn every_module_names_the_version_it_builds() {
        for module in [ETCD, KUBERNETES, KUBEADM, CERT_MANAGER, THROUGHPUT, KWOK, HELM, VICTORIA_METRICS] {
            let version = module.version().unwrap();
            assert!(version.starts_with('v'), "{}: {version}", module.name);
        }
        assert!(KUBERNETES.linker_flags("v1.36.3").contains("gitMinor=36"));
        assert_eq!(
            THROUGHPUT.version().unwrap(),
            KUBERNETES.version().unwrap(),
            "what is measured is what is tested"
        );
    }

    #[test]
    fn other_flags_are_another_fingerprint() {
        let one = ETCD.fingerprint("-s").unwrap();
        assert_eq!(one, ETCD.fingerprint("-s").unwrap());
        assert_ne!(one, ETCD.fingerprint("-w").unwrap());
    }
}
