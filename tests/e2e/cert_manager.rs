//! Certificates from cert-manager: its own controllers make what the chart asks for, the extender and its callers verify each
//! other with them, and a renewed one is taken while it runs.

use crate::support::release::{NAMESPACE, Release, SERVER_NAME};
use crate::support::setting::Setting;
use crate::support::{Extender, LIMIT};
use anyhow::{Context as _, Result};
use netmarks_test_cluster::process::Program;
use netmarks_test_cluster::{ControlPlane, cert_manager, until};
use netmarks_test_traffic::online_boutique;
use reqwest::tls::TlsInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The certificate that the extender shows to a new connection; it is verified, and so is the caller's.
async fn shown(plane: &ControlPlane, release: &Release<'_>) -> Result<Vec<u8>> {
    let folder = release.secret("netmarks-scheduler-client")?;
    let read = |name: &str| std::fs::read(folder.join(name));
    let port = plane.local_port(NAMESPACE, 9820)?;
    let client = reqwest::Client::builder()
        .no_proxy()
        .identity(reqwest::Identity::from_pem(&[read("tls.crt")?, read("tls.key")?].concat())?)
        .tls_certs_only([reqwest::Certificate::from_pem(&read("ca.crt")?)?])
        .resolve(SERVER_NAME, ([127, 0, 0, 1], port).into())
        .tls_info(true)
        .build()?;
    let answer = client.get(format!("https://{SERVER_NAME}:{port}/healthz")).send().await?;
    let tls = answer.extensions().get::<TlsInfo>().context("not TLS")?;
    Ok(tls.peer_certificate().context("no certificate")?.to_vec())
}

/// The certificate in the Secret, once it is where the extender reads it.
fn issued(release: &Release<'_>, extender: &Extender) -> Result<Vec<u8>> {
    let file = release.remount(extender, "tls", "netmarks-tls")?.join("tls.crt");
    Ok(CertificateDer::from_pem_file(file)?.to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_come_from_cert_manager_and_are_renewed() {
    let setting = Setting::start(online_boutique().unwrap()).await.unwrap();
    let plane = &setting.plane;
    plane.install_definitions().unwrap();
    let program = cert_manager(&|line| eprintln!("{line}")).unwrap();
    let arguments = vec![format!("--kubeconfig={}", plane.kubeconfig().display())];
    let _manager = Program::new("cert-manager", program, arguments, plane.folder()).start().unwrap();
    let release = setting.install(&["tls.mode=certManager"]).unwrap();
    let ready = ["wait", "certificates", "--all", "--for=condition=Ready", "--timeout=90s"];
    plane.kubectl(&[&["-n", NAMESPACE], &ready[..]].concat()).unwrap();
    let extender = release.extender().await.unwrap();
    extender.wait_ready().await.unwrap();
    let before = issued(&release, &extender).unwrap();
    assert_eq!(shown(plane, &release).await.unwrap(), before);

    // cert-manager makes a lost one again, as a renewal.
    plane.kubectl(&["-n", NAMESPACE, "delete", "secret", "netmarks-tls"]).unwrap();
    until("the extender shows another certificate", LIMIT, async || {
        let now = issued(&release, &extender)?;
        let shown = shown(plane, &release).await?;
        Ok((now != before && shown == now).then_some(()))
    })
    .await
    .unwrap();
}
