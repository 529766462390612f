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
    /// What signs the tokens of service accounts.
    pub accounts_key: PathBuf,
    /// What such tokens are checked with.
    pub accounts_public: PathBuf,
}

impl Certificates {
    /// Makes them for an API server with these names and addresses.
    pub fn new(dir: &Path, names: &[&str]) -> Result<Self, Box<dyn std::error::Error>> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "a cluster of the tests");
        let key = KeyPair::generate()?;
        let key_pem = key.serialize_pem();
        let authority = CertifiedIssuer::self_signed(params, key)?;
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let server_key = KeyPair::generate()?;
        let server = CertificateParams::new(names)?.signed_by(&server_key, &authority)?;
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
            accounts_key: write("accounts.key", &accounts.serialize_pem())?,
            accounts_public: write("accounts.pub", &accounts.public_key_pem())?,
        })
    }
}
