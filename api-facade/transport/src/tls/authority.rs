//! Certificates for tests.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SigningKey, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// How rcgen signs, as certificates name it.
const ECDSA_WITH_SHA256: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

/// Somebody who issues certificates.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(super) struct Issued {
    certificate: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl Authority {
    /// One that vouches for itself.
    pub(super) fn root(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap())
    }

    /// One that this one vouches for.
    pub(super) fn below(&self, name: &str) -> Self {
        Self(CertifiedIssuer::signed_by(authority(name), KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// For the server at `localhost`.
    pub(super) fn server(&self) -> Issued {
        self.issue(&CertificateParams::new(["localhost".to_owned()]).unwrap())
    }

    /// For a client.
    pub(super) fn client(&self, common_name: Option<&str>) -> Issued {
        self.issue(&client(common_name))
    }

    /// For a client, long ago.
    pub(super) fn expired_client(&self, common_name: &str) -> Issued {
        let mut wanted = client(Some(common_name));
        (wanted.not_before, wanted.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        self.issue(&wanted)
    }

    /// For a client, of a version that does not exist: what version 3 says, signed under another number.
    pub(super) fn client_of_version_four(&self, common_name: &str) -> Issued {
        let Issued { certificate, key, .. } = self.client(Some(common_name));
        let (_, parsed) = x509_parser::parse_x509_certificate(&certificate).unwrap();
        let mut signed = parsed.tbs_certificate.as_ref().to_vec();
        let version = signed.windows(5).position(|window| window == [0xa0, 3, 2, 1, 2]).unwrap() + 4;
        signed[version] = 3;
        let signature = [&[0], self.0.key().sign(&signed).unwrap().as_slice()].concat();
        let parts = [signed, ECDSA_WITH_SHA256.to_vec(), der(0x03, &signature)];
        Issued { certificate: der(0x30, &parts.concat()).into(), pem: String::new(), key }
    }

    fn issue(&self, wanted: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = wanted.signed_by(&key, &self.0).unwrap();
        Issued { certificate: certificate.der().clone(), pem: certificate.pem(), key }
    }
}

impl Issued {
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    pub(super) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub(super) fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut wanted = client(Some(name));
    wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wanted.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    wanted
}

fn client(common_name: Option<&str>) -> CertificateParams {
    let mut wanted = CertificateParams::default();
    wanted.distinguished_name = DistinguishedName::new();
    wanted.distinguished_name.push(DnType::OrganizationName, "Krake");
    if let Some(name) = common_name {
        wanted.distinguished_name.push(DnType::CommonName, name);
    }
    wanted
}

/// A value with its head; of less than 64 KiB.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
    let head = if value.len() < 0x80 { vec![tag, low] } else { vec![tag, 0x82, high, low] };
    [head.as_slice(), value].concat()
}
