//! Certificates for HTTPS on the loopback address: authorities, servers and clients.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// Who vouches for others.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What leads from here to the root, without the root.
    chain: String,
}

/// A certificate with what leads from it to the root, and its private key, both PEM.
pub struct Identity {
    /// The certificate first.
    pub certificates: String,
    /// The key, in PKCS #8.
    pub key: String,
}

impl Authority {
    /// A root that trusts itself.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(name: &str) -> Result<Self> {
        let issuer = CertifiedIssuer::self_signed(authority(name)?, KeyPair::generate()?)?;
        Ok(Self { issuer, chain: String::new() })
    }

    /// An authority that this one vouches for.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn intermediate(&self, name: &str) -> Result<Self> {
        let issuer = CertifiedIssuer::signed_by(authority(name)?, KeyPair::generate()?, &self.issuer)?;
        let chain = issuer.pem() + &self.chain;
        Ok(Self { issuer, chain })
    }

    /// Its own certificate.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// For a server on the loopback address.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn server(&self) -> Result<Identity> {
        let names = ["127.0.0.1", "localhost"].map(str::to_owned);
        self.vouch("server", names.to_vec(), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// For a client that says to be `user`.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn client(&self, user: &str) -> Result<Identity> {
        self.vouch(user, Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn vouch(&self, name: &str, addresses: Vec<String>, usage: ExtendedKeyUsagePurpose) -> Result<Identity> {
        let mut parameters = CertificateParams::new(addresses)?;
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok(Identity { certificates: certificate.pem() + &self.chain, key: key.serialize_pem() })
    }
}

fn authority(name: &str) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(parameters)
}

impl Identity {
    /// Writes `<name>.crt` and `<name>.key`, which only the owner may read, and gives their paths.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, dir: &Path, name: &str) -> Result<[PathBuf; 2]> {
        let paths = [dir.join(format!("{name}.crt")), dir.join(format!("{name}.key"))];
        for (path, text) in paths.iter().zip([&self.certificates, &self.key]) {
            let context = || format!("write {}", path.display());
            let mut options = OpenOptions::new();
            options.create(true).truncate(true).write(true).mode(0o600);
            options.open(path).with_context(context)?.write_all(text.as_bytes()).with_context(context)?;
        }
        Ok(paths)
    }
}
