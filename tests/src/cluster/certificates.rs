//! The certificates and keys of a control plane, made anew for each.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::fs;
use std::path::{Path, PathBuf};

/// Where they are.
#[derive(Debug)]
pub struct Certificates {
    /// Of the authority that all trust.
    pub authority: PathBuf,
    /// The authority's key.
    pub authority_key: PathBuf,
    /// Of the API server.
    pub server: PathBuf,
    /// Its key.
    pub server_key: PathBuf,
    /// Of the API server as the client of a node.
    pub client: PathBuf,
    /// Its key.
    pub client_key: PathBuf,
    /// What signs the tokens of service accounts.
    pub accounts_key: PathBuf,
    /// What such tokens are checked with.
    pub accounts_public: PathBuf,
}

impl Certificates {
    /// Makes them for an API server with these names and addresses.
    pub fn new(dir: &Path, names: Vec<String>) -> Result<Self, Box<dyn std::error::Error>> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "a cluster of the tests");
        let key = KeyPair::generate()?;
        let key_pem = key.serialize_pem();
        let authority = CertifiedIssuer::self_signed(params, key)?;
        let server_key = KeyPair::generate()?;
        let server = CertificateParams::new(names)?.signed_by(&server_key, &authority)?;
        let client_key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(rcgen::DnType::CommonName, "kube-apiserver");
        let client = params.signed_by(&client_key, &authority)?;
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            fs::write(&path, text).map(|()| path)
        };
        let accounts = KeyPair::generate()?;
        Ok(Self {
            authority: write("ca.crt", &authority.pem())?,
            authority_key: write("ca.key", &key_pem)?,
            server: write("server.crt", &server.pem())?,
            server_key: write("server.key", &server_key.serialize_pem())?,
            client: write("client.crt", &client.pem())?,
            client_key: write("client.key", &client_key.serialize_pem())?,
            accounts_key: write("accounts.key", &accounts.serialize_pem())?,
            accounts_public: write("accounts.pub", &accounts.public_key_pem())?,
        })
    }
}
