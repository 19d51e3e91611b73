//! The way in: builds a sandbox around a component and runs calls in it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use routes::Effect::{self, Erase, Read, Write};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use wasmtime::Store;

use crate::audit::{Audit, Line};
use crate::budget::Budget;
use crate::contain::{Panicked, contained};
use crate::egress::{Call, Meanings, Traffic};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, CallError, NotExported, WriteFailure, kind_name};
use crate::sandbox::bindings::{entities, search, server, tools, types};
use crate::sandbox::{self, ComponentInfo, Guest, LimitKind, Limits, Sandbox};
use crate::transport::ConnectError;
use code_cache::CompiledCode;
use policy::{self, Effects, Mode, Names, Policy, Refusal};

/// Runs one component. Cheap to clone; clones share limits, budget and pool. Lives on after every call, however it
/// ended. Calls need a tokio runtime with I/O and time.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    component: ComponentInfo,
    limits: Limits,
    audit: Audit,
    sandbox: Sandbox,
    budget: Budget,
    calls: Arc<Semaphore>,
    last_call: AtomicU64,
    /// What the component said first: its hints bind its calls, so they cannot change.
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
            audit,
            sandbox,
            budget: Budget::new(limits.budget_bytes),
            calls: Arc::new(Semaphore::new(limits.concurrent_calls as usize)),
            last_call: AtomicU64::new(0),
            tools: OnceCell::new(),
            limits,
        })))
    }
}

/// Runs a function of one of the component's interfaces and answers how that ended.
macro_rules! run {
    ($host:expr, $endpoint:expr, $tool:expr, $scope:expr, $interface:ident, |$guest:ident, $store:ident| $call:expr) => {{
        let mut running = $host.open($endpoint, $tool, false)?;
        let call = Arc::clone(&running.over.call);
        let work = async {
            call.set_scope($scope);
            let $guest = running.$interface().await?;
            let $store = &mut running.store;
            $call.await
        };
        let ended = within($host.0.limits.call_time, work).await;
        running.close(ended).await
    }};
}

/// Functions of the typed interfaces: which one, the classes of effect that it is for, the collection that it is about.
macro_rules! typed {
    ($($(#[$doc:meta])* $name:ident: $interface:ident.$function:ident [$($effect:ident),*] of $($collection:ident).+
        ($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// What the component answered, or what ended the call; see [`CallError`].
        pub async fn $name(&self, endpoint: &Endpoint, $($argument: $type),*) -> Result<$answer, CallError> {
            let connection = self.connection(endpoint);
            let scope = scope(&[$($effect),*], [&$($collection).+]);
            let ended = run!(self, Some(endpoint), stringify!($name), scope, $interface, |guest, store| {
                guest.$function(store, &connection, $($argument),*)
            });
            ended.map_err(CallError::from)
        }
    )*};
}

/// What a call is for: classes of effect, and the collection that it names.
fn scope<const N: usize>(effects: &[Effect], collections: [&str; N]) -> Policy {
    Policy::of(Effects::of(effects)).collections(Names::exact(collections))
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
        &self.0.limits
    }

    /// The component's tools. No request is let out. Names, descriptions and hints are the component's own words.
    ///
    /// # Errors
    /// The component trapped or reached a limit, or names other tools than it did before.
    pub async fn list_tools(&self) -> Result<Vec<tools::Tool>, CallError> {
        let now = self.ask_for_tools(false).await?;
        let known = self.0.tools.get_or_init(async || now.clone()).await;
        if *known == now {
            Ok(now)
        } else {
            Err(CallError::ToolsChanged)
        }
    }

    /// `by_host`: not because its caller asked for them.
    async fn ask_for_tools(&self, by_host: bool) -> Result<Vec<tools::Tool>, CallError> {
        let mut running = self.open(None, "list_tools", by_host)?;
        let work = async {
            let guest = running.tools().await?;
            let listed = guest.call_list_tools(&mut running.store).await;
            listed.map(Ok::<_, types::Error>)
        };
        let ended = within(self.0.limits.call_time, work).await;
        running.close(ended).await.map_err(CallError::from)
    }

    /// What a call of a tool is for: the classes that its hints stand for, and the names in its arguments. A tool that
    /// the component does not list lets nothing out.
    async fn scope_of(&self, tool: &str, arguments: &str) -> Result<Policy, CallError> {
        let tools = self
            .0
            .tools
            .get_or_try_init(|| self.ask_for_tools(true))
            .await?;
        let effects = match tools.iter().find(|known| known.name == tool) {
            None => Effects::default(),
            Some(known) if known.annotations.read_only => Mode::ReadOnly.effects(),
            Some(known) if known.annotations.destructive => Mode::Full.effects(),
            Some(_) => Mode::NoDrop.effects(),
        };
        // No hint speaks of what Milvus contacts: that is the operator's policy alone.
        let names = policy::names_in(arguments);
        let names = Names::exact(names.iter().map(String::as_str));
        Ok(Policy::of(effects)
            .collections(names)
            .allow(Effect::Outbound))
    }

    /// Runs a tool with the text of a JSON object as its arguments; answers the text of a JSON object.
    ///
    /// # Errors
    /// What the component answered, or what ended the call; see [`CallError`].
    pub async fn call_tool(
        &self,
        endpoint: &Endpoint,
        name: &str,
        arguments: &str,
    ) -> Result<String, CallError> {
        let connection = self.connection(endpoint);
        let ended = run!(
            self,
            Some(endpoint),
            name,
            self.scope_of(name, arguments).await?,
            tools,
            |guest, store| guest.call_call_tool(store, &connection, name, arguments)
        );
        ended.map_err(CallError::from)
    }

    /// Finds which dialect the server speaks: at most two requests. Pass the answer to
    /// [`EndpointBuilder::dialect`](crate::EndpointBuilder::dialect).
    ///
    /// # Errors
    /// What answers there is no Milvus, or the call failed; see [`CallError`].
    pub async fn probe(&self, endpoint: &Endpoint) -> Result<server::ServerInfo, CallError> {
        let connection = self.connection(endpoint);
        let lists = scope(&[Read], []);
        let ended = run!(
            self,
            Some(endpoint),
            "probe",
            lists,
            server,
            |guest, store| guest.call_probe(store, &connection)
        );
        ended.map_err(CallError::from)
    }

    /// Inserts rows, in as many requests as it takes.
    ///
    /// # Errors
    /// [`WriteFailure`] says what is in and where to resume.
    pub async fn insert(
        &self,
        endpoint: &Endpoint,
        request: &entities::WriteRequest,
    ) -> Result<entities::WriteReport, WriteFailure> {
        let connection = self.connection(endpoint);
        let ended = async {
            let writes = scope(&[Read, Write], [&request.collection_name]);
            run!(
                self,
                Some(endpoint),
                "insert",
                writes,
                entities,
                |guest, store| { guest.call_insert(store, &connection, request) }
            )
        };
        ended
            .await
            .map_err(|ended: Ended<entities::WriteError>| ended.into_write(request))
    }

    /// Replaces rows by primary key, or adds them. With `partial`, fields that are left out keep their value.
    ///
    /// # Errors
    /// [`WriteFailure`] says what is in and where to resume.
    pub async fn upsert(
        &self,
        endpoint: &Endpoint,
        request: &entities::WriteRequest,
        partial: bool,
    ) -> Result<entities::WriteReport, WriteFailure> {
        let connection = self.connection(endpoint);
        let ended = async {
            let writes = scope(&[Read, Write, Erase], [&request.collection_name]);
            run!(
                self,
                Some(endpoint),
                "upsert",
                writes,
                entities,
                |guest, store| { guest.call_upsert(store, &connection, request, partial) }
            )
        };
        ended
            .await
            .map_err(|ended: Ended<entities::WriteError>| ended.into_write(request))
    }

    typed! {
        /// Deletes rows.
        delete_entities: entities.call_delete_entities [Read, Erase] of request.collection_name
            (request: &entities::DeleteRequest) -> entities::DeleteReport;
        /// The fields of a collection, to be passed with later calls.
        describe_schema: entities.call_describe_schema [Read] of collection_name
            (collection_name: &str) -> types::CollectionSchema;
        /// Reads rows once.
        query_entities: entities.call_query_entities [Read] of request.collection_name
            (request: &entities::QueryRequest, offset: u32, limit: u32) -> types::RowBatch;
        /// Counts rows.
        count_entities: entities.call_count_entities [Read] of request.collection_name
            (request: &entities::QueryRequest) -> u64;
        /// Searches by one vector field.
        search_entities: search.call_search_entities [Read] of options.collection_name
            (options: &search::SearchOptions, request: &search::AnnSearch) -> search::SearchResult;
        /// Searches by several vector fields and joins the hits.
        hybrid_search_entities: search.call_hybrid_search_entities [Read] of options.collection_name
            (options: &search::SearchOptions, requests: &[search::AnnSearch], ranker: &search::Ranker, limit: u32)
            -> search::SearchResult;
    }

    /// One step of reading all rows; `after` is the last step's `next`.
    ///
    /// # Errors
    /// What the component answered, or what ended the call; see [`CallError`].
    pub async fn next_page(
        &self,
        endpoint: &Endpoint,
        request: &entities::QueryRequest,
        page_rows: u32,
        after: Option<&str>,
    ) -> Result<entities::Page, CallError> {
        let connection = self.connection(endpoint);
        let scope = scope(&[Read], [&request.collection_name]);
        let after = after.map(str::to_owned);
        let ended = run!(
            self,
            Some(endpoint),
            "next_page",
            scope,
            entities,
            |guest, store| {
                guest.call_next_page(store, &connection, request, page_rows, after.as_ref())
            }
        );
        ended.map_err(CallError::from)
    }

    fn connection(&self, endpoint: &Endpoint) -> types::Connection {
        endpoint.connection(self.0.limits.request_time())
    }

    /// Takes a place among the calls, and arms a store for it. What the host asks for a call (`by_host`) is in that
    /// call's place.
    fn open(
        &self,
        endpoint: Option<&Endpoint>,
        tool: &str,
        by_host: bool,
    ) -> Result<Running<'_>, CallError> {
        let inner = &self.0;
        let call = Arc::new(Call {
            id: inner.last_call.fetch_add(1, Ordering::Relaxed) + 1,
            tool: tool.chars().take(64).collect(),
            endpoint: endpoint.cloned(),
            scope: OnceLock::new(),
            limits: inner.limits.clone(),
            budget: inner.budget.of_a_call(),
            audit: inner.audit.clone(),
            deadline: Instant::now() + inner.limits.request_time(),
            traffic: Traffic::default(),
            meanings: Meanings::default(),
        });
        let place = (!by_host).then(|| Arc::clone(&inner.calls).try_acquire_owned());
        let Ok(place) = place.transpose() else {
            summary(&call, false, CallError::Overloaded.name(), Duration::ZERO);
            return Err(CallError::Overloaded);
        };
        let store = inner.sandbox.store(Arc::clone(&call), &inner.limits);
        Ok(Running {
            sandbox: &inner.sandbox,
            gate: Gate(Arc::clone(&call)),
            store,
            over: Over {
                call,
                by_host,
                started: Instant::now(),
                result: "cancelled",
            },
            _place: place,
        })
    }
}

/// A call between its begin and its end.
struct Running<'a> {
    sandbox: &'a Sandbox,
    // In this order: nothing more leaves, then the instance goes, then the summary is written, and the place is given
    // back last.
    gate: Gate,
    store: Store<Guest>,
    over: Over,
    _place: Option<OwnedSemaphorePermit>,
}

/// Closes the way out when it is dropped: before the instance goes, whose half-written bodies then look complete.
struct Gate(Arc<Call>);

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.traffic.end();
    }
}

/// Any component's failure carries the error record.
trait Cause {
    fn cause(&self) -> &types::Error;
}

impl Cause for types::Error {
    fn cause(&self) -> &types::Error {
        self
    }
}

impl Cause for entities::WriteError {
    fn cause(&self) -> &types::Error {
        &self.cause
    }
}

/// How a call failed.
enum Ended<E> {
    /// The component answered an error; this is what the host had noted before.
    Answered(E, Notes),
    /// The call was ended, after so many requests had been let out.
    Broken(CallError, u32),
}

impl<E> From<CallError> for Ended<E> {
    fn from(error: CallError) -> Self {
        Self::Broken(error, 0)
    }
}

/// What the host noted of a call that came to an end of its own.
struct Notes {
    /// Requests that were refused, and not for a limit.
    refusals: Vec<Refusal>,
    /// The limit at which the last request ended.
    limit: Option<(LimitKind, u64)>,
    /// How long until an operation may be asked for again.
    wait: Option<Duration>,
    /// Why the last request that was let out came to no connection.
    unreachable: Option<ConnectError>,
}

impl Notes {
    fn of(call: &Call, error: &types::Error, exceeded: Option<LimitKind>) -> Self {
        let mut refusals = call.traffic.refusals();
        refusals.retain(|refusal| LimitKind::of(refusal.rule).is_none());
        // The component counts its time in whole milliseconds.
        let late = Instant::now() + Duration::from_millis(5) >= call.deadline
            && error.kind == types::ErrorKind::Timeout;
        let limit = call.traffic.limit().or(exceeded);
        let limit = limit.or(late.then_some(LimitKind::CallTime));
        Self {
            refusals,
            limit: limit.map(|limit| (limit, call.limits.get(limit))),
            wait: call
                .traffic
                .wait()
                .filter(|_| limit == Some(LimitKind::AdminPerMinute)),
            unreachable: call.traffic.unreachable(),
        }
    }

    /// One word for the audit.
    fn name(&self, error: &types::Error) -> &'static str {
        match self.limit {
            _ if !self.refusals.is_empty() => "refused",
            Some((limit, _)) => limit.name(),
            None => kind_name(error.kind),
        }
    }
}

fn answered(mut error: types::Error, notes: Notes) -> CallError {
    let Notes {
        refusals,
        limit,
        wait,
        unreachable,
    } = notes;
    if let Some(wait) = wait {
        error.retry_after_ms = Some(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
        if error.outcome == types::Outcome::NotApplied {
            error.retry = types::Retry::Safe;
        }
    }
    match (limit, unreachable) {
        _ if !refusals.is_empty() => CallError::Refused { refusals, error },
        (Some((limit, value)), _) => CallError::Limit {
            limit,
            value,
            error: Some(error),
        },
        (None, Some(reason)) => CallError::Unreachable { reason, error },
        (None, None) => CallError::Tool(error),
    }
}

impl From<Ended<types::Error>> for CallError {
    fn from(ended: Ended<types::Error>) -> Self {
        match ended {
            Ended::Answered(error, notes) => answered(error, notes),
            Ended::Broken(error, _) => error,
        }
    }
}

impl Ended<entities::WriteError> {
    fn into_write(self, request: &entities::WriteRequest) -> WriteFailure {
        match self {
            Self::Answered(error, notes) => WriteFailure {
                error: answered(error.cause, notes),
                confirmed: error.confirmed,
                resume_at: error.resume_at,
            },
            // Nobody is left to say what is in: if anything was let out, every row is in doubt.
            Self::Broken(error, sent) => WriteFailure {
                error,
                confirmed: entities::WriteReport {
                    rows: 0,
                    ids: None,
                    requests: 0,
                },
                resume_at: if sent == 0 { 0 } else { request.rows.rows },
            },
        }
    }
}

/// Why work within a call did not come to an end of its own.
enum Cut {
    Time,
    Panic,
}

/// Runs the work of a call within its time, and keeps a panic in it.
async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Result<T, Cut> {
    match timeout(time, contained(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(Panicked)) => Err(Cut::Panic),
        Err(_) => Err(Cut::Time),
    }
}

/// Makes an instance for the call, and opens one of its interfaces.
macro_rules! door {
    ($interface:ident) => {
        async fn $interface(&mut self) -> wasmtime::Result<$interface::Guest> {
            let instance = self
                .sandbox
                .instance
                .instantiate_async(&mut self.store)
                .await?;
            let missing = NotExported(concat!("milvus:vector-store/", stringify!($interface)));
            self.sandbox
                .doors
                .$interface
                .as_ref()
                .ok_or(missing)?
                .load(&mut self.store, &instance)
        }
    };
}

impl Running<'_> {
    door!(tools);
    door!(server);
    door!(entities);
    door!(search);

    /// Ends the call: nothing more leaves, the instance goes, and what was on its way is waited for.
    async fn close<T, E: Cause>(
        self,
        ended: Result<wasmtime::Result<Result<T, E>>, Cut>,
    ) -> Result<T, Ended<E>> {
        let Self {
            gate,
            store,
            mut over,
            _place,
            ..
        } = self;
        drop(gate);
        let call = Arc::clone(&over.call);
        let exceeded = store.data().meter.exceeded();
        drop(store);
        // Dropping the store has cancelled them: this is for the order of audit lines, and no reason to hang.
        let _ = timeout(Duration::from_secs(1), call.traffic.settled()).await;
        let result = match ended {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(error))) => {
                let notes = Notes::of(&call, error.cause(), exceeded);
                Err(Ended::Answered(error, notes))
            }
            Ok(Err(error)) => Err(Ended::Broken(
                // Its tools could not be listed.
                error
                    .downcast()
                    .unwrap_or_else(|error| CallError::ended(&error, exceeded, &call.limits)),
                call.traffic.sent(),
            )),
            Err(cut) => Err(Ended::Broken(
                cut_short(cut, &call.limits),
                call.traffic.sent(),
            )),
        };
        over.result = match &result {
            Ok(_) => "ok",
            Err(Ended::Answered(error, notes)) => notes.name(error.cause()),
            Err(Ended::Broken(error, _)) => error.name(),
        };
        result
    }
}

fn cut_short(cut: Cut, limits: &Limits) -> CallError {
    match cut {
        Cut::Panic => CallError::Sandbox(
            "a panic in the host was caught; this is a fault of the host".to_owned(),
        ),
        Cut::Time => CallError::limit(LimitKind::CallTime, limits),
    }
}

/// Writes the summary when it is dropped, whatever way the call ended.
struct Over {
    call: Arc<Call>,
    /// The host made this call for another.
    by_host: bool,
    started: Instant,
    result: &'static str,
}

impl Drop for Over {
    fn drop(&mut self) {
        summary(
            &self.call,
            self.by_host,
            self.result,
            self.started.elapsed(),
        );
    }
}

fn summary(call: &Call, by_host: bool, result: &'static str, time: Duration) {
    let line = Line::new().number("call", call.id).text("tool", &call.tool);
    let line = if by_host {
        line.text("by", "host")
    } else {
        line
    };
    let line = line
        .text("result", result)
        .number("sent", call.traffic.sent())
        .number("refused", call.traffic.refused());
    let line = match call.traffic.asked() {
        0 => line,
        asked => line.number("asked", asked),
    };
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    call.audit.write(line.number("ms", millis));
}
