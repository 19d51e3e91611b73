//! Which Milvus, and how it is spoken to.

use super::file::File;
use crate::failure::Failure;
use crate::files;
use clap::builder::NonEmptyStringValueParser;
use host_harness::{
    Dialect, Endpoint, EndpointBuilder, EndpointError, JsonFields, Origin, Policy, Server,
};
use serde::Deserialize;
use std::net::IpAddr;
use std::path::PathBuf;

/// Where a local Milvus listens, too.
const DEFAULT_URI: &str = "http://127.0.0.1:19530";

/// The largest file of certificates, in bytes.
const MAX_CERTIFICATES: u64 = 1 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// Milvus' origin: http:// or https://, host, port [default: http://127.0.0.1:19530]
    #[arg(
        long,
        env = "MILVUS_URI",
        global = true,
        value_name = "ORIGIN",
        value_parser = NonEmptyStringValueParser::new(),
        help_heading = "Settings"
    )]
    uri: Option<String>,
    /// Database [default: Milvus' own]
    #[arg(
        long,
        env = "MILVUS_DATABASE",
        global = true,
        value_name = "NAME",
        value_parser = NonEmptyStringValueParser::new(),
        help_heading = "Settings"
    )]
    database: Option<String>,
    /// Dialect of Milvus' REST API [default: found out when a server has no v2]
    #[arg(
        long,
        env = "MILVUS_DIALECT",
        global = true,
        value_name = "DIALECT",
        help_heading = "Settings"
    )]
    dialect: Option<DialectName>,
    /// How the server has JSON fields [default: old, as releases up to Milvus 3.0.2]
    #[arg(
        long,
        env = "MILVUS_JSON_FIELDS",
        global = true,
        value_name = "WAY",
        help_heading = "Settings"
    )]
    json_fields: Option<JsonFieldsName>,
    /// Certificate authority of Milvus' certificate, PEM, instead of the system's, which `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` decide, if set
    #[arg(
        long,
        env = "MILVUS_CA_CERT",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    ca_cert: Option<PathBuf>,
    /// Client certificate to show to Milvus, PEM, with the certificates that vouch for it
    #[arg(
        long,
        env = "MILVUS_CLIENT_CERT",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    client_cert: Option<PathBuf>,
    /// Key of the client certificate, PEM, unencrypted, in a file of mode 600
    #[arg(
        long,
        env = "MILVUS_CLIENT_KEY",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    client_key: Option<PathBuf>,
    /// IP address of the origin's host, used in place of DNS; may be given more than once [default: ask]
    #[arg(long, global = true, value_name = "IP", help_heading = "Settings")]
    address: Vec<IpAddr>,
    /// Send the token over plain http to another machine, where everybody on the way can read it
    #[arg(long, global = true, help_heading = "Settings")]
    danger_plaintext_token: bool,
}

/// A dialect, as a flag and a file spell it.
#[derive(Debug, Clone, Copy, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum DialectName {
    /// Milvus 2.2.9 to 2.3.12
    V1,
    /// Milvus 2.3.13 and later, Zilliz Cloud
    V2,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::V1 => Self::V1,
            DialectName::V2 => Self::V2,
        }
    }
}

/// How a server has JSON fields, as a flag and a file spell it.
#[derive(Debug, Clone, Copy, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum JsonFieldsName {
    /// As text, which a write unwraps
    Old,
    /// As the documents they are (`proxy.http.nativeJSONResponse`)
    Native,
    /// As text, by a newer Milvus that is set so
    Text,
}

impl From<JsonFieldsName> for JsonFields {
    fn from(name: JsonFieldsName) -> Self {
        match name {
            JsonFieldsName::Old => Self::Old,
            JsonFieldsName::Native => Self::Native,
            JsonFieldsName::Text => Self::Text,
        }
    }
}

impl Flags {
    pub(super) fn resolve(&self, file: &File) -> Connection {
        Connection {
            uri: self
                .uri
                .clone()
                .or_else(|| file.uri.clone())
                .unwrap_or_else(|| DEFAULT_URI.to_owned()),
            database: self.database.clone().or_else(|| file.database.clone()),
            dialect: self.dialect.or(file.dialect).map(Dialect::from),
            json_fields: self.json_fields.or(file.json_fields).map(JsonFields::from),
            ca_cert: self
                .ca_cert
                .clone()
                .or_else(|| file.path(file.ca_cert.as_ref())),
            client_cert: self
                .client_cert
                .clone()
                .or_else(|| file.path(file.client_cert.as_ref())),
            client_key: self
                .client_key
                .clone()
                .or_else(|| file.path(file.client_key.as_ref())),
            addresses: match self.address.as_slice() {
                [] => file.addresses.clone(),
                given => Some(given.to_vec()),
            },
            danger_plaintext_token: self.danger_plaintext_token,
        }
    }
}

/// The settings of the connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) uri: String,
    pub(super) database: Option<String>,
    pub(super) dialect: Option<Dialect>,
    json_fields: Option<JsonFields>,
    ca_cert: Option<PathBuf>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
    addresses: Option<Vec<IpAddr>>,
    danger_plaintext_token: bool,
}

impl Connection {
    /// What the server speaks, in a dialect that was named or found out.
    pub(super) fn server(&self, dialect: Option<Dialect>) -> Option<Server> {
        let known = dialect.is_some() || self.json_fields.is_some();
        known.then(|| Server {
            rest: dialect.unwrap_or(Dialect::V2),
            json: self.json_fields,
        })
    }

    /// An endpoint without server and credential.
    pub(super) fn builder(&self, policy: Policy) -> Result<EndpointBuilder, Failure> {
        let mut builder = Endpoint::builder(&self.uri, policy);
        if let Some(database) = &self.database {
            builder = builder.database(database.clone());
        }
        if self.danger_plaintext_token {
            builder = builder.danger_plaintext_credential();
        }
        if let Some(path) = &self.ca_cert {
            let pem = files::read_public(path, "the certificate", MAX_CERTIFICATES)?;
            builder = builder.ca_certificate(pem);
        }
        match (&self.client_cert, &self.client_key) {
            (Some(chain), Some(key)) => {
                let chain = files::read_public(chain, "the client certificate", MAX_CERTIFICATES)?;
                let key = files::read_secret(key, "the client key")?;
                builder = builder.client_certificate(chain, key.as_bytes());
            }
            (None, None) => {}
            _ => {
                return Err(Failure::usage(
                    "a client certificate and its key are given together, or not at all",
                )
                .with_hint("--client-cert FILE and --client-key FILE"));
            }
        }
        Ok(self.placed(builder))
    }

    /// The same place over TLS, without a credential: whether it speaks TLS.
    pub(super) fn over_tls(&self, origin: &Origin, policy: Policy) -> EndpointBuilder {
        let uri = format!("https://{}:{}", origin.host(), origin.port());
        self.placed(Endpoint::builder(&uri, policy))
    }

    fn placed(&self, builder: EndpointBuilder) -> EndpointBuilder {
        match &self.addresses {
            Some(addresses) => builder.addresses(addresses.iter().copied()),
            None => builder,
        }
    }
}

/// Why there is no endpoint, and what to do about it.
pub(super) fn refused(error: &EndpointError) -> Failure {
    let (message, hint) = match error {
        EndpointError::PlaintextCredential(origin) => (
            format!(
                "the token would go to {origin} unencrypted, where everybody on the way can read it"
            ),
            "use https, or allow it with --danger-plaintext-token",
        ),
        EndpointError::Credential => (
            error.to_string(),
            "MILVUS_TOKEN holds it, or --token-file or --token-command name where it is",
        ),
        EndpointError::CaCertificate(_) => (
            error.to_string(),
            "--ca-cert, MILVUS_CA_CERT or `ca_cert` names it",
        ),
        EndpointError::ClientCertificate(_) => (
            error.to_string(),
            "--client-cert and --client-key name the two files",
        ),
        EndpointError::Addresses(_) => (
            error.to_string(),
            "--address, or `addresses` of a settings file; leave them out to ask the resolver",
        ),
        _ => (
            error.to_string(),
            "--uri, MILVUS_URI or a file named with --config set the origin",
        ),
    };
    Failure::usage(message).with_hint(hint)
}
