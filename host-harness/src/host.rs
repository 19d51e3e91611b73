//! The way in: builds a sandbox around a component and runs calls in it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use routes::Effect::{self, Drop, Erase, Read};
use tokio::sync::OnceCell;

use crate::answer::{Answer, Json};
use crate::audit::Audit;
use crate::call::{CallFailure, Calls, within};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, CallError, WriteFailure};
use crate::sandbox::bindings::{collections, entities, partitions, search, server, tools, types};
use crate::sandbox::{self, ComponentInfo, Limits, Sandbox};
use code_cache::CompiledCode;
use policy::{self, Effects, Names, Scope, Subjects};

/// Runs one component. Cheap to clone; clones share limits, budget and pool. Lives on after every call, however it
/// ended. Calls need a tokio runtime with I/O and time.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    component: ComponentInfo,
    sandbox: Sandbox,
    calls: Calls,
    /// What the component said first: its classes bind its calls, so they cannot change.
    tools: OnceCell<Vec<tools::Tool>>,
}

/// Builds a [`Host`].
#[derive(Debug, Default)]
#[must_use]
pub struct HostBuilder {
    component: Option<Cow<'static, [u8]>>,
    digest: Option<String>,
    cache: Option<PathBuf>,
    limits: Limits,
    audit: Audit,
}

impl HostBuilder {
    /// The component's bytes.
    pub fn component(mut self, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        self.component = Some(bytes.into());
        self
    }

    /// The component that is inside this library.
    #[cfg(feature = "embedded")]
    pub fn embedded(self) -> Self {
        self.component(crate::embedded_component())
    }

    /// The SHA-256 that the component's bytes have to have: 64 hexadecimal digits, `sha256:` before them or not. It is
    /// compared with the digest of the very bytes that are compiled. Default: any.
    pub fn digest(mut self, sha256: impl Into<String>) -> Self {
        self.digest = Some(sha256.into());
        self
    }

    /// The folder in which compiled code is kept for the next host: nothing is compiled then. It is made if it is not
    /// there, and has to be this user's alone; where it is not, or anything in it is not as it was left, the component
    /// is compiled as without it, and [`Host::code`] says why. At most 16 files are kept. Default: none.
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// What calls may use. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where audit lines go. Default: nowhere.
    pub fn audit(mut self, audit: Audit) -> Self {
        self.audit = audit;
        self
    }

    /// Checks and compiles the component. Takes a second or more of CPU, without a [cache](Self::cache): once per program,
    /// and not on a task that has to answer meanwhile.
    ///
    /// # Errors
    /// The bytes are no component, want more than they may have, or a limit makes no sense; see [`BuildError`].
    pub fn build(self) -> Result<Host, BuildError> {
        let Self {
            component,
            digest,
            cache,
            limits,
            audit,
        } = self;
        limits.check()?;
        let bytes = component.ok_or(BuildError::NoBytes)?;
        let component = sandbox::read(&bytes, &limits)?;
        if let Some(expected) = digest {
            component.expect(&expected)?;
        }
        let sandbox = Sandbox::new(&bytes, &limits, cache.as_deref())?;
        Ok(Host(Arc::new(Inner {
            component,
            sandbox,
            calls: Calls::new(limits, audit),
            tools: OnceCell::new(),
        })))
    }
}

/// Runs a function of one of the component's interfaces and answers how that ended.
macro_rules! run {
    ($host:expr, $endpoint:expr, $tool:expr, $scope:expr, $interface:ident, |$guest:ident, $store:ident| $call:expr) => {{
        let mut running = $host
            .0
            .calls
            .open(&$host.0.sandbox, $endpoint, $tool, false)?;
        let work = async {
            running.call().set_scope($scope);
            let instance = running.instance().await?;
            let $store = &mut running.store;
            let $guest = $host
                .0
                .sandbox
                .exports
                .$interface(&mut *$store, &instance)?;
            $call.await
        };
        let ended = within($host.limits().call_time, work).await;
        running.close(ended).await
    }};
}

/// Functions of the typed interfaces: which one, the routes that it is for, whose classes of effect it may have, the
/// collection that it is about, and, for a write, how many rows it has.
macro_rules! typed {
    ($($(#[$doc:meta])* $name:ident: $interface:ident.$function:ident [$($family:ident::$route:ident),*]
        of [$($collection:expr)?]
        ($($argument:ident: $type:ty),*) -> $answer:ty $(, rows $rows:expr)?;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// What the component answered, or what ended the call.
        pub async fn $name(&self, endpoint: &Endpoint, $($argument: $type),*)
            -> Result<Answer<$answer>, typed!(@error $($rows)?)> {
            let connection = endpoint.connection(self.limits().request_time());
            let ended = async {
                let effects = Effects::of_routes(&[$(&routes::$family::$route),*]);
                let scope = Scope::of(effects).about(Subjects {
                    collections: Names::exact([$($collection.as_ref())?]),
                    ..Subjects::default()
                });
                run!(self, Some(endpoint), stringify!($name), scope, $interface, |guest, store| {
                    guest.$function(store, &connection, $($argument),*)
                })
            };
            ended.await.map_err(|failure: CallFailure<_>| typed!(@failure failure $($rows)?))
        }
    )*};
    (@error) => { CallError };
    (@error $rows:expr) => { WriteFailure };
    (@failure $failure:ident) => { $failure.into() };
    (@failure $failure:ident $rows:expr) => { $failure.into_write($rows) };
}

impl Host {
    /// Begins a host.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// The component that it runs.
    #[must_use]
    pub fn component(&self) -> &ComponentInfo {
        &self.0.component
    }

    /// Whether its code was compiled by this host or an earlier one.
    #[must_use]
    pub fn code(&self) -> &CompiledCode {
        &self.0.sandbox.code
    }

    /// What its calls may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.calls.limits
    }

    /// The component's tools. No request is let out. Names, descriptions and hints are the component's own words.
    ///
    /// # Errors
    /// The component trapped or reached a limit, or its tools are [not to be trusted](CallError::Tools).
    pub async fn list_tools(&self) -> Result<Answer<Vec<tools::Tool>>, CallError> {
        let now = self.ask_for_tools(false).await?;
        let known = self.0.tools.get_or_init(async || now.value.clone()).await;
        if *known == now.value {
            Ok(now)
        } else {
            Err(CallError::Tools("they changed while it was loaded"))
        }
    }

    /// `by_host`: not because its caller asked for them.
    async fn ask_for_tools(&self, by_host: bool) -> Result<Answer<Vec<tools::Tool>>, CallError> {
        let inner = &self.0;
        let mut running = inner
            .calls
            .open(&inner.sandbox, None, "list_tools", by_host)?;
        let work = async {
            let instance = running.instance().await?;
            let guest = inner.sandbox.exports.tools(&mut running.store, &instance)?;
            let listed = guest.call_list_tools(&mut running.store).await;
            listed.map(Ok::<_, types::Error>)
        };
        let ended = within(self.limits().call_time, work).await;
        let listed = running.close(ended).await.map_err(CallError::from)?;
        check_tools(&listed.value)?;
        Ok(listed)
    }

    /// What a call of a tool is for: the tool's classes, and the names in the call's arguments. A tool that the
    /// component does not list lets nothing out.
    async fn scope_of(&self, tool: &str, arguments: &str) -> Result<Scope, CallError> {
        let subjects = policy::names_in(arguments).map_err(CallError::arguments)?;
        let ask = async || self.ask_for_tools(true).await.map(|listed| listed.value);
        let tools = self.0.tools.get_or_try_init(ask).await?;
        let tool = tools.iter().find(|known| known.name == tool);
        let effects = tool.map_or_else(Effects::default, classes);
        Ok(Scope::of(effects).about(subjects))
    }

    /// Runs a tool with the text of a JSON object as its arguments: strict JSON, in which no object repeats a name.
    ///
    /// # Errors
    /// What the component answered, or what ended the call; see [`CallError`]. Arguments that are no strict JSON are
    /// `invalid-argument`, and the component does not see them.
    pub async fn call_tool(
        &self,
        endpoint: &Endpoint,
        name: &str,
        arguments: &str,
    ) -> Result<Answer<Json>, CallError> {
        let connection = endpoint.connection(self.limits().request_time());
        let ended: Result<Answer<String>, CallFailure<()>> = async {
            run!(
                self,
                Some(endpoint),
                name,
                self.scope_of(name, arguments).await?,
                tools,
                |guest, store| guest.call_call_tool(store, &connection, name, arguments)
            )
        }
        .await;
        Ok(ended?.map(Json))
    }

    /// Sends one request to a route of Milvus' REST API, by the route's name in the table (`entities.query`) and with the
    /// text of a JSON object as its body: strict JSON with Milvus' own keys. Nothing but this request is let out. The
    /// answer is Milvus' object without `code` and `message`.
    ///
    /// # Errors
    /// What the component answered, or what ended the call; see [`CallError`]. A route or a body that is none is
    /// `invalid-argument`, and the component does not see it.
    pub async fn rest(
        &self,
        endpoint: &Endpoint,
        route: &str,
        body: &str,
    ) -> Result<Answer<Json>, CallError> {
        let connection = endpoint.connection(self.limits().request_time());
        let ended: Result<Answer<String>, CallFailure<()>> = async {
            run!(
                self,
                Some(endpoint),
                "rest",
                Scope::of_request(route, body).map_err(CallError::arguments)?,
                rest,
                |guest, store| guest.call_call(store, &connection, route, body)
            )
        }
        .await;
        Ok(ended?.map(Json))
    }

    typed! {
        /// Finds which REST API the server speaks: at most two requests.
        /// [`EndpointBuilder::server`](crate::EndpointBuilder::server) takes the answer.
        probe: server.call_probe [collections::LIST, v1::COLLECTIONS_LIST] of [] () -> server::ServerInfo;
        /// The fields of a collection. Pass their `token` with later calls, which then need not look them up.
        describe_schema: collections.call_describe_schema [collections::DESCRIBE] of [request.collection_name]
            (request: &collections::CollectionRequest) -> types::CollectionSchema;
        /// Inserts rows, in as many requests as it takes. [`WriteFailure`] says what is in and where to resume.
        insert_entities: entities.call_insert_entities [entities::INSERT, collections::DESCRIBE] of [request.collection_name]
            (request: &entities::InsertRequest) -> entities::WriteReport, rows request.rows.rows;
        /// Replaces rows by primary key, or adds them. [`WriteFailure`] says what is in and where to resume.
        upsert_entities: entities.call_upsert_entities [entities::UPSERT, collections::DESCRIBE] of [request.collection_name]
            (request: &entities::UpsertRequest) -> entities::WriteReport, rows request.rows.rows;
        /// Deletes rows.
        delete_entities: entities.call_delete_entities [entities::DELETE, collections::DESCRIBE] of [request.collection_name]
            (request: &entities::DeleteRequest) -> entities::DeleteReport;
        /// Reads rows once.
        query_entities: entities.call_query_entities [entities::QUERY] of [request.collection_name]
            (request: &entities::QueryRequest) -> types::RowBatch;
        /// Counts rows.
        count_entities: entities.call_count_entities [entities::QUERY] of [request.collection_name]
            (request: &entities::CountRequest) -> u64;
        /// One step of reading all rows; the next one's `after` is this one's `next`.
        next_entities_page: entities.call_next_entities_page [entities::QUERY] of [request.collection_name]
            (request: &entities::PageRequest) -> entities::Page;
        /// Searches by one vector field.
        search_entities: search.call_search_entities [entities::SEARCH] of [request.options.collection_name]
            (request: &search::SearchRequest) -> search::SearchResult;
        /// Searches by several vector fields and joins the hits.
        hybrid_search_entities: search.call_hybrid_search_entities [entities::HYBRID_SEARCH] of [request.options.collection_name]
            (request: &search::HybridSearchRequest) -> search::SearchResult;
        /// Creates a partition. One that exists is no error.
        create_partition: partitions.call_create_partition [partitions::CREATE] of [request.collection_name]
            (request: &partitions::PartitionRequest) -> ();
        /// Drops a partition with its rows. One that is missing is no error.
        drop_partition: partitions.call_drop_partition [partitions::DROP] of [request.collection_name]
            (request: &partitions::PartitionRequest) -> ();
        /// Whether a collection has a partition.
        has_partition: partitions.call_has_partition [partitions::HAS] of [request.collection_name]
            (request: &partitions::PartitionRequest) -> bool;
    }
}

/// The classes of effect that a tool says it has. One that this host does not know is none.
fn classes(tool: &tools::Tool) -> Effects {
    let mut known = Effects::default();
    for effect in Effect::ALL {
        if tool.classes.iter().any(|class| class == effect.as_str()) {
            known.insert(effect);
        }
    }
    known
}

/// A name stands for one tool, and a tool's hints promise no less harm than its classes let out.
fn check_tools(tools: &[tools::Tool]) -> Result<(), CallError> {
    let mut names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(CallError::Tools("two of them have one name"));
    }
    let understated = |tool: &tools::Tool| {
        let has = |effect| classes(tool).contains(effect);
        let changes = classes(tool).iter().any(|effect| effect != Read);
        tool.annotations.read_only && changes
            || !tool.annotations.destructive && (has(Erase) || has(Drop))
    };
    if tools.iter().any(understated) {
        return Err(CallError::Tools(
            "a hint says less than the tool's classes of effect",
        ));
    }
    Ok(())
}
