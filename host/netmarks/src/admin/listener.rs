//! Starts the admin listener as configured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use netmarks_artefacts::Keys;
use netmarks_policies::Registry;

use super::access::Access;
use super::routes::Admin;
use crate::config::{self, Config};
use crate::http::body::BodyBudget;
use crate::http::server::{self, Stop};
use crate::http::tls::Certificates;
use crate::service::{Tasks, listen};

const MIB: usize = 1024 * 1024;

/// Uploads of the largest size that may arrive at once.
const UPLOADS: usize = 2;

/// Starts the listener, if there is to be one; returns its address.
///
/// # Errors
/// If the address is taken, or files cannot be used.
pub async fn start(
    config: &Config,
    registry: &Registry,
    kubernetes: Option<Access>,
    keys: Option<Arc<Keys>>,
    tasks: &mut Tasks,
) -> Result<Option<SocketAddr>> {
    let config::Admin {
        listen: address,
        token_file,
        tls,
        max_upload_mib,
        kubernetes: _,
        kubernetes_audiences: _,
    } = config.admin.clone();
    let Some(address) = address else { return Ok(None) };
    let access = match (kubernetes, token_file, &tls.client_ca_file) {
        (Some(access), _, _) => access,
        (None, Some(file), Some(_)) => Access::TokenAndCertificate(file),
        (None, Some(file), None) => Access::Token(file),
        (None, None, Some(_)) => Access::Certificate,
        (None, None, None) => Access::Loopback,
    };
    let certificates = Certificates::load(tls).context("in the section `admin.tls`")?;
    let listener = listen(address).await.context("for `admin.listen`")?;
    let address = listener.local_addr().context("the listener has no address")?;
    if let Some(certificates) = &certificates {
        let (certificates, shutdown) = (certificates.clone(), tasks.shutdown.clone());
        tasks.spawn("admin certificate reload", async move {
            certificates.reload(shutdown).await;
            Ok(())
        });
    }
    let scheme = if certificates.is_some() { "https" } else { "http" };
    tracing::info!(%address, scheme, access = access.as_str(), "listening for changes of policies");
    let largest = max_upload_mib as usize * MIB;
    let bodies = BodyBudget::new(largest * UPLOADS, largest);
    let admin = Admin { registry: registry.clone(), access, bodies, keys };
    let stop = Stop {
        begun: tasks.stopping.clone(),
        closing: tasks.shutdown.clone(),
        drain: Duration::from_secs_f64(config.server.drain_seconds),
    };
    tasks.spawn("admin server", async move {
        server::serve(listener, certificates, move |peer| admin.clone().router(peer), stop).await;
        Ok(())
    });
    Ok(Some(address))
}
