//! A release made as `docs/releases.md` says, twice, and used as an operator uses it: checked, unpacked, pushed, rendered. The
//! workflow's own steps push it to a registry on loopback.

#![allow(clippy::print_stderr, reason = "what is built is said where a test is read")]
#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null, not a panic")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::container::{Buildah, Image};
use crate::support::typed::typed;
use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::documents::blocks;
use netmarks_test_cluster::{Binaries, OciOptions, OciRegistry, repository};
use serde_json::Value;
use tempfile::TempDir;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The files of a release that was made on this machine alone, without the version.
const FILES: [&str; 6] = [
    "-deploy.tar.gz",
    "-linux-amd64.cdx.json",
    "-linux-amd64.oci.tar",
    "-linux-amd64.tar.gz",
    ".intoto.json",
    ".tgz",
];

/// The blocks of one kind in a section of the document, as one script.
fn document(section: &str, kind: &str) -> Result<String> {
    let document = repository::read("docs/releases.md")?;
    let blocks = blocks(&document, section).with_context(|| format!("no section {section}"))?;
    let commands: Vec<&str> =
        blocks.iter().filter(|block| block.kind == kind).map(|block| block.text.as_str()).collect();
    ensure!(!commands.is_empty(), "nothing to type in {section}");
    Ok(commands.join("\n"))
}

/// Makes a release by the document's command into a folder of its own, of the program that this run compiled for the image.
fn made() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let command = document("Make the files yourself", "sh make")?;
    ensure!(command == "cargo xtask release --dry-run", "{command}");
    let ours = format!("{command} --program target/image/netmarks --output {}", folder.path().display());
    let printed = typed(&ours, &repository(""), &[])?;
    ensure!(printed.contains("left out linux arm64: "), "{printed}");
    Ok(folder)
}

/// The `run` of a step of the workflow.
fn step(name: &str) -> Result<String> {
    let workflow: Value = serde_saphyr::from_str(&repository::read(".github/workflows/release.yaml")?)?;
    let steps = workflow["jobs"]["release"]["steps"].as_array().context("no steps")?;
    let step = steps.iter().find(|step| step["name"] == name).with_context(|| format!("no step {name}"))?;
    Ok(step["run"].as_str().context("the step runs nothing")?.trim().to_owned())
}

/// Name and checksum of each file, as `SHA256SUMS` has them.
fn checksums(folder: &Path) -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(folder.join("SHA256SUMS"))?;
    let pairs = text.lines().filter_map(|line| line.split_once("  "));
    Ok(pairs.map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_made_twice_alike_checked_pushed_and_installed() {
    let release = made().unwrap();
    complete(release.path()).unwrap();
    let again = made().unwrap();
    assert_eq!(checksums(release.path()).unwrap(), checksums(again.path()).unwrap());
    downloaded(release.path()).unwrap();
    provenance(release.path()).unwrap();
    chart(release.path()).unwrap();
    let registry = OciRegistry::start(OciOptions::default()).await.unwrap();
    copied(release.path(), &registry).unwrap();
    published(release.path(), &registry).unwrap();
}

/// What is there is what the document lists, no more and no less.
fn complete(folder: &Path) -> Result<()> {
    let mut there: Vec<String> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    there.sort();
    let named = FILES.map(|rest| format!("netmarks-{VERSION}{rest}"));
    let expected: Vec<String> = [vec!["SHA256SUMS".to_owned()], named.to_vec()].concat();
    assert_eq!(there, expected);
    let document = repository::read("docs/releases.md")?;
    for name in &there {
        ensure!(document.contains(&format!("`{name}`")), "docs/releases.md does not name {name}");
    }
    assert_eq!(checksums(folder)?.into_keys().collect::<Vec<_>>(), named);
    Ok(())
}

/// Checked and unpacked as the document says.
fn downloaded(folder: &Path) -> Result<()> {
    let printed = typed(&document("Download", "sh")?, folder, &[])?;
    for rest in FILES {
        ensure!(printed.contains(&format!("netmarks-{VERSION}{rest}: OK")), "{printed}");
    }
    ensure!(printed.contains(&format!("netmarks {VERSION}\n")), "{printed}");
    let unpacked = folder.join(format!("netmarks-{VERSION}-linux-amd64"));
    assert_eq!(fs::metadata(unpacked.join("netmarks"))?.permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read_to_string(unpacked.join("LICENSE"))?, repository::read("LICENSE")?);
    let deploy = folder.join(format!("netmarks-{VERSION}-deploy"));
    for file in ["deploy/kube-scheduler/config.yaml", "deploy/kustomize/example/kustomization.yaml"] {
        assert_eq!(fs::read_to_string(deploy.join(file))?, repository::read(file)?);
    }
    // A byte that differs is found.
    let sbom = format!("netmarks-{VERSION}-linux-amd64.cdx.json");
    let whole = fs::read_to_string(folder.join(&sbom))?;
    fs::write(folder.join(&sbom), whole.replacen("wasmtime", "wasmtimf", 1))?;
    let error = typed("sha256sum --check SHA256SUMS", folder, &[]).err().context("not found")?.to_string();
    ensure!(error.contains(&format!("{sbom}: FAILED")), "{error}");
    fs::write(folder.join(&sbom), whole).map_err(Into::into)
}

/// The statement is about exactly these files, this commit and what it locks.
fn provenance(folder: &Path) -> Result<()> {
    let file = format!("netmarks-{VERSION}.intoto.json");
    let statement: Value = serde_json::from_str(&fs::read_to_string(folder.join(&file))?)?;
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let mut sums = checksums(folder)?;
    sums.remove(&file);
    let subjects = statement["subject"].as_array().context("no subjects")?;
    let subjects = subjects.iter().map(|subject| {
        let sum = subject["digest"]["sha256"].as_str().context("no digest")?;
        Ok((subject["name"].as_str().context("no name")?.to_owned(), sum.to_owned()))
    });
    assert_eq!(subjects.collect::<Result<BTreeMap<_, _>>>()?, sums);

    let definition = &statement["predicate"]["buildDefinition"];
    let section = format!("#{}", "build-type");
    ensure!(definition["buildType"].as_str().is_some_and(|kind| kind.contains(&section)), "{definition}");
    let dependencies = definition["resolvedDependencies"].as_array().context("no dependencies")?;
    let head = typed("git rev-parse HEAD", &repository(""), &[])?;
    assert_eq!(dependencies[0]["digest"]["gitCommit"], head.trim());
    let lock = typed("sha256sum Cargo.lock", &repository(""), &[])?;
    let locked = dependencies.iter().find(|dependency| dependency["uri"] == "file:Cargo.lock");
    let locked = locked.context("Cargo.lock is not among them")?["digest"]["sha256"].as_str();
    assert_eq!(locked, lock.split_whitespace().next());
    Ok(())
}

/// The packed chart renders what the folder does.
fn chart(folder: &Path) -> Result<()> {
    let helm = Binaries::ensure(&|line| eprintln!("{line}"))?.helm;
    let settings = "--set image.repository=registry.example/netmarks --set tls.mode=certManager";
    let render = |chart: &str| {
        let command = format!("{} template netmarks {chart} {settings}", helm.display());
        typed(&command, &repository(""), &[])
    };
    let packed = folder.join(format!("netmarks-{VERSION}.tgz"));
    let rendered = render(&packed.to_string_lossy())?;
    ensure!(rendered.contains("kind: Deployment"), "{rendered}");
    assert_eq!(rendered, render("deploy/helm/netmarks")?);
    Ok(())
}

/// An operator's copy of the image is the image, and runs.
fn copied(folder: &Path, registry: &OciRegistry) -> Result<()> {
    let own = "skopeo copy --dest-tls-verify=false";
    let script = document("Into a registry of your own", "sh")?.replace("skopeo copy", own);
    typed(&script, folder, &[("REGISTRY", registry.address())])?;
    let image = Image::pull(&format!("{}/netmarks:{VERSION}", registry.address()))?;
    let sbom = fs::read(image.root().join("usr/share/sbom/netmarks.cdx.json"))?;
    assert!(sbom == fs::read(folder.join(format!("netmarks-{VERSION}-linux-amd64.cdx.json")))?);
    let version = image.run(&["-V"])?.map_err(anyhow::Error::msg)?;
    assert_eq!(version.trim_end(), format!("netmarks {VERSION}"));
    Ok(())
}

/// What the workflow pushes can be pulled: the image for this kind of machine out of a list, and the chart.
fn published(folder: &Path, registry: &OciRegistry) -> Result<()> {
    ensure!(step("Make the files")?.starts_with("cargo xtask release "), "the files are made by the task");
    let work = tempfile::tempdir()?;
    let files = work.path().join("target/release-files");
    fs::create_dir_all(&files)?;
    for rest in FILES {
        let name = format!("netmarks-{VERSION}{rest}");
        fs::copy(folder.join(&name), files.join(&name))?;
    }
    let storage = work.path().join("storage.conf");
    let (root, run) = (work.path().join("root"), work.path().join("run"));
    fs::write(&storage, format!("[storage]\ndriver = \"vfs\"\ngraphroot = {root:?}\nrunroot = {run:?}\n"))?;
    let script = step("Push the image and the chart")?
        .replace("manifest push", "manifest push --tls-verify=false")
        .replace("helm push", "helm push --plain-http");
    let helm = Binaries::ensure(&|line| eprintln!("{line}"))?.helm;
    let path = std::env::var("PATH")?;
    let path = format!("{}:{path}", helm.parent().context("helm has no folder")?.display());
    let place = format!("{}/published", registry.address());
    let variables = [
        ("GITHUB_REF_NAME", format!("v{VERSION}")),
        ("REGISTRY", place.clone()),
        ("CONTAINERS_STORAGE_CONF", storage.display().to_string()),
        ("HOME", work.path().display().to_string()),
        ("PATH", path),
    ];
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    typed(&script, &files, &variables)?;

    let reference = format!("{place}/netmarks:{VERSION}");
    let list = typed(&format!("skopeo inspect --raw --tls-verify=false docker://{reference}"), &files, &[])?;
    let list: Value = serde_json::from_str(&list)?;
    let manifests = list["manifests"].as_array().context("not a list of images")?;
    assert_eq!(manifests.len(), 1);
    assert_eq!(manifests[0]["platform"]["architecture"], "amd64");
    let pulled = Buildah::new()?;
    pulled.run(&["pull", "--quiet", "--tls-verify=false", &format!("docker://{reference}")])?;
    let chart = format!("helm show chart --plain-http oci://{place}/charts/netmarks --version {VERSION}");
    let chart = typed(&chart, &files, &variables)?;
    ensure!(chart.contains(&format!("appVersion: {VERSION}")), "{chart}");
    Ok(())
}
