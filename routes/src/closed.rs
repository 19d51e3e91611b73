//! Routes that are known and never let out, so that they are told from routes that nobody has heard of.

use crate::Method;

/// What a closed route is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Users, roles, privileges: whoever may change them may give itself everything else.
    AccessControl,
    /// Resource groups and replicas: the operator's machines.
    Cluster,
    /// Segments and quotas: about the server, not about anybody's data.
    Observe,
}

impl Scope {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessControl => "users, roles and privileges",
            Self::Cluster => "the operator's machines",
            Self::Observe => "the server itself",
        }
    }
}

/// A route that Milvus has and that is never let out.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: &'static str,
    /// Why it is closed.
    pub scope: Scope,
}

/// The closed route of exactly this method and path.
#[must_use]
pub fn find_closed(method: &str, path: &[u8]) -> Option<&'static Closed> {
    CLOSED
        .iter()
        .find(|closed| closed.method.as_str() == method && closed.path.as_bytes() == path)
}

const fn closed(scope: Scope, path: &'static str) -> Closed {
    Closed {
        method: Method::Post,
        path,
        scope,
    }
}

/// All of them, by family.
pub static CLOSED: &[Closed] = &[
    closed(Scope::AccessControl, "/v2/vectordb/users/list"),
    closed(Scope::AccessControl, "/v2/vectordb/users/describe"),
    closed(Scope::AccessControl, "/v2/vectordb/users/create"),
    closed(Scope::AccessControl, "/v2/vectordb/users/update_password"),
    closed(Scope::AccessControl, "/v2/vectordb/users/drop"),
    closed(Scope::AccessControl, "/v2/vectordb/users/grant_role"),
    closed(Scope::AccessControl, "/v2/vectordb/users/revoke_role"),
    closed(Scope::AccessControl, "/v2/vectordb/roles/list"),
    closed(Scope::AccessControl, "/v2/vectordb/roles/describe"),
    closed(Scope::AccessControl, "/v2/vectordb/roles/create"),
    closed(Scope::AccessControl, "/v2/vectordb/roles/alter"),
    closed(Scope::AccessControl, "/v2/vectordb/roles/drop"),
    closed(Scope::AccessControl, "/v2/vectordb/roles/grant_privilege"),
    closed(Scope::AccessControl, "/v2/vectordb/roles/revoke_privilege"),
    closed(
        Scope::AccessControl,
        "/v2/vectordb/roles/grant_privilege_v2",
    ),
    closed(
        Scope::AccessControl,
        "/v2/vectordb/roles/revoke_privilege_v2",
    ),
    closed(Scope::AccessControl, "/v2/vectordb/privilege_groups/create"),
    closed(Scope::AccessControl, "/v2/vectordb/privilege_groups/drop"),
    closed(Scope::AccessControl, "/v2/vectordb/privilege_groups/list"),
    closed(
        Scope::AccessControl,
        "/v2/vectordb/privilege_groups/add_privileges_to_group",
    ),
    closed(
        Scope::AccessControl,
        "/v2/vectordb/privilege_groups/remove_privileges_from_group",
    ),
    closed(Scope::Cluster, "/v2/vectordb/resource_groups/create"),
    closed(Scope::Cluster, "/v2/vectordb/resource_groups/drop"),
    closed(Scope::Cluster, "/v2/vectordb/resource_groups/alter"),
    closed(Scope::Cluster, "/v2/vectordb/resource_groups/describe"),
    closed(Scope::Cluster, "/v2/vectordb/resource_groups/list"),
    closed(
        Scope::Cluster,
        "/v2/vectordb/resource_groups/transfer_replica",
    ),
    closed(Scope::Observe, "/v2/vectordb/segments/describe"),
    closed(Scope::Observe, "/v2/vectordb/quotacenter/describe"),
];
