//! TLS by a certificate and a key in files, which are taken anew when they change.

use crate::looks::{Looks, Stamp};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often is looked whether the files changed.
const INTERVAL: Duration = Duration::from_millis(500);

/// Where the certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain in PEM, the server's own first.
    pub cert: PathBuf,
    /// The private key in PEM.
    pub key: PathBuf,
}

/// Why the files are of no use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not readable, or not PEM.
    #[error("{0}: {1}")]
    File(PathBuf, rustls::pki_types::pem::Error),
    /// No certificate.
    #[error("{0}: holds no certificate in PEM")]
    NoCertificate(PathBuf),
    /// The two do not belong together, or are of a kind that is not known.
    #[error("{0} and its key: {1}")]
    Pair(PathBuf, rustls::Error),
}

/// Keys to agree with clients by: always the newest that were of use.
#[derive(Clone)]
pub struct Tls(watch::Receiver<Arc<ServerConfig>>);

/// Looks after the files.
pub struct TlsWatch {
    files: TlsFiles,
    newest: watch::Sender<Arc<ServerConfig>>,
}

impl TlsFiles {
    /// Reads the files for the first time. What it gives second is to be run for as long as the first is used.
    pub fn open(self) -> Result<(Tls, TlsWatch), TlsError> {
        let (newest, tls) = watch::channel(Arc::new(self.read()?));
        Ok((Tls(tls), TlsWatch { files: self, newest }))
    }

    fn read(&self) -> Result<ServerConfig, TlsError> {
        let unreadable = |file: &Path| {
            let file = file.to_owned();
            |error| TlsError::File(file, error)
        };
        let chain = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(unreadable(&self.cert))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(self.cert.clone()));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(unreadable(&self.key))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| TlsError::Pair(self.cert.clone(), error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn look(&self) -> [Option<Stamp>; 2] {
        [&self.cert, &self.key].map(|file| Stamp::of(file).ok())
    }
}

impl Tls {
    /// Agrees on keys with a client.
    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let config = self.0.borrow().clone();
        TlsAcceptor::from(config).accept(stream).await
    }
}

impl TlsWatch {
    /// Takes changed files over for as long as the server runs; a bad pair leaves the one before.
    pub async fn run(self) {
        let mut looks = Looks::default();
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let files = Arc::new(self.files);
        loop {
            interval.tick().await;
            let looked = files.clone();
            let Ok(seen) = tokio::task::spawn_blocking(move || looked.look()).await else { continue };
            if !looks.is_new(seen) {
                continue;
            }
            let read = files.clone();
            match tokio::task::spawn_blocking(move || read.read()).await {
                Ok(Ok(config)) => {
                    tracing::info!(cert = %files.cert.display(), "the certificate is taken");
                    self.newest.send_replace(Arc::new(config));
                }
                Ok(Err(error)) => {
                    tracing::error!(%error, "the changed certificate is refused, the one before stays in use");
                }
                Err(_) => looks.again(),
            }
        }
    }
}
