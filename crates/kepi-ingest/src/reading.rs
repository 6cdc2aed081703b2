//! One unit of work: its jobs one after another, each page by page until no cursor follows.

use std::{collections::HashSet, sync::PoisonError};

use jiff::Timestamp;
use kepi_core::{
    Cursor, DateSpan, Error, ErrorKind, Notice, Page, Result, Retry, Stream,
    plan::{KnownPost, PlannedJob},
};

use crate::{
    Answer, Capability, Ending, EndpointReport, Failure, Lack,
    run::RunContext,
    seam::{Fetched, NewPage, Spend},
    weigh::{self, Doubt},
    work::Unit,
};

/// Reads one unit. Whatever happens is told in its report.
pub(crate) async fn read_unit(
    context: &RunContext<'_>,
    unit: &Unit<'_>,
    posts: &[KnownPost],
) -> EndpointReport {
    let mut report = EndpointReport::new(unit.account_ids(), unit.endpoint.name);
    let mut reading = Reading { context, unit, report: &mut report, waiting: Vec::new() };
    let ending = reading.read(posts).await;
    report.ending = ending;
    report
}

struct Reading<'a, 'r> {
    context: &'a RunContext<'r>,
    unit: &'a Unit<'a>,
    report: &'a mut EndpointReport,
    /// Pages that are not believed yet, and those that came after them: they go to the store in order or not at all.
    waiting: Vec<NewPage>,
}

/// So many pages wait at most for one that shows that the platform still counts.
const MOST_WAITING: usize = 64;

/// Why a job ended before its last page.
enum Halt {
    /// The unit ends so.
    End(Ending),
    /// This went wrong.
    Error(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Reading<'_, '_> {
    async fn read(&mut self, posts: &[KnownPost]) -> Ending {
        if self.context.stop.is_stopped() {
            return Ending::Stopped;
        }
        if let Some(account) = self.dead_token() {
            let error =
                Error::new(ErrorKind::Reauthorise, "not asked: its credential was refused in this run")
                    .with("account", account);
            return Ending::Failed(Failure::of(&error));
        }
        let (range, now) = (self.context.request.range, self.context.now);
        let planned = self
            .unit
            .check_sunset(now)
            .and_then(|()| self.unit.jobs(&self.context.before, posts, now, range));
        let jobs = match planned {
            Ok(jobs) => jobs,
            Err(error) => return Ending::Failed(Failure::of(&error)),
        };
        if let Some(warning) = self.unit.sunset_warning(now) {
            self.report.remark(warning);
        }
        if jobs.is_empty() {
            return Ending::NothingDue;
        }
        self.context.progress.began(&self.report.accounts, &self.report.endpoint);
        for job in &jobs {
            if self.context.stop.is_stopped() {
                return Ending::Stopped;
            }
            // A later job would move the checkpoint past what this one has left, so the unit ends with it.
            if let Err(halt) = self.read_or_restart(job).await {
                return self.ending(job, halt).await;
            }
        }
        if let (Some(job), Err(halt)) = (jobs.last(), self.end_waiting().await) {
            return self.ending(job, halt).await;
        }
        self.has_it().await;
        match self.keep_not_yet().await {
            Ok(()) => Ending::Done,
            Err(error) => Ending::Failed(Failure::of(&error)),
        }
    }

    /// A cursor that the platform no longer takes makes its job begin anew, once and said aloud.
    async fn read_or_restart(&mut self, planned: &PlannedJob) -> Result<(), Halt> {
        if let Some(days) = planned.clamped {
            self.report.notice(Notice::Clamped { days });
        }
        if planned.cursor.is_start() {
            return self.read_job(planned).await;
        }
        self.report.resumed = true;
        let waited = self.waiting.len();
        match self.read_job(planned).await {
            Err(Halt::Error(error)) if refuses_cursor(&error) => {
                self.waiting.truncate(waited);
                self.report.remark(format!("the stored cursor is refused and the job begins anew: {error}"));
                let mut anew = PlannedJob { cursor: Cursor::default(), clamped: None, ..planned.clone() };
                // The present state is that of now: posts may have grown too old for it since.
                if anew.job.window.is_none() {
                    anew.job.planned_at = self.context.now;
                }
                self.read_job(&anew).await
            }
            other => other,
        }
    }

    async fn read_job(&mut self, planned: &PlannedJob) -> Result<(), Halt> {
        let mut cursor = planned.cursor.clone();
        let mut seen = HashSet::from([cursor.clone()]);
        let mut items = 0_u64;
        loop {
            let fetched = self.fetch(planned, &cursor).await?;
            let page = self.decode(planned, &cursor, &fetched).await?;
            let doubt = self.weigh(planned, &cursor, &page).await?;
            let next = page.next.clone();
            items += items_of(&page);
            self.hear(&fetched, &page).await;
            self.context.learn(&page.accounts);
            self.take(new_page(planned, cursor, fetched, page), doubt).await?;
            // A snapshot of the newest is always full; its decoder says when some may have been missed.
            let cap = self.unit.endpoint.page_cap.filter(|_| !self.unit.needs_known_posts());
            let capped = cap.filter(|cap| items >= u64::from(*cap));
            let Some(next) = next else {
                self.end_of_list(capped);
                return Ok(());
            };
            if !seen.insert(next.clone()) {
                return Err(Halt::Error(loop_error(&next)));
            }
            if let Err(cap) = self.check_caps(capped, seen.len()) {
                self.end_waiting().await?;
                return Err(cap);
            }
            if self.context.stop.is_stopped() {
                return Err(Halt::End(Ending::Stopped));
            }
            cursor = next;
        }
    }

    /// One call. Once the run was asked to stop, the page in hand has a little time left.
    async fn fetch(&mut self, planned: &PlannedJob, cursor: &Cursor) -> Result<Fetched, Halt> {
        let context = self.context;
        let ingest = context.ingest;
        let grace = async {
            context.stop.stopped().await;
            ingest.clock.sleep_until(after(ingest.clock.now(), ingest.options.stop_grace)).await;
        };
        let adapter = self.unit.group.adapter.as_ref();
        let mut spent = Spend::default();
        let answer = tokio::select! {
            biased;
            fetched = ingest.fetch.fetch(adapter, &planned.job, cursor, &mut spent) => fetched.map_err(Halt::Error),
            () = grace => Err(Halt::End(Ending::Stopped)),
        };
        self.report.tally.calls += spent.calls;
        self.report.tally.cost_micro_usd += spent.micro_usd;
        answer
    }

    async fn decode(&mut self, planned: &PlannedJob, cursor: &Cursor, fetched: &Fetched) -> Result<Page> {
        let adapter = self.unit.group.adapter.as_ref();
        let tally = &mut self.report.tally;
        let page = adapter.decode(&planned.job, cursor, &fetched.body)?;
        let settled = self.context.ingest.fetch.settle(adapter, &planned.job, fetched, page.billed_items);
        tally.cost_micro_usd = tally.cost_micro_usd - fetched.cost_micro_usd + settled.await?;
        Ok(page)
    }

    /// Hands a page to the store, or keeps it in hand with those that wait.
    async fn take(&mut self, page: NewPage, doubt: Doubt) -> Result<(), Halt> {
        if doubt == Doubt::None && self.waiting.is_empty() {
            return self.push(page).await;
        }
        let counts = doubt == Doubt::None && weigh::counts(&page.page);
        self.waiting.push(page);
        if counts {
            return self.push_waiting().await;
        }
        if self.waiting.len() >= MOST_WAITING { self.end_waiting().await } else { Ok(()) }
    }

    /// Nothing has shown that the platform still counts: what waits is believed only when it has stood for a while.
    async fn end_waiting(&mut self) -> Result<(), Halt> {
        let Some(stream) = self.waiting.first().map(|page| page.stream.clone()) else { return Ok(()) };
        self.withhold(&stream).await?;
        self.push_waiting().await
    }

    async fn push_waiting(&mut self) -> Result<(), Halt> {
        for page in std::mem::take(&mut self.waiting) {
            self.push(page).await?;
        }
        Ok(())
    }

    async fn push(&mut self, page: NewPage) -> Result<(), Halt> {
        self.report.tally.page(&page.page);
        if let Err(error) = self.context.writer.lock().await.push(page).await {
            self.context.fail(&error);
            return Err(Halt::Error(error));
        }
        self.context.progress.page(&self.report.accounts, &self.report.endpoint, &self.report.tally);
        Ok(())
    }

    fn end_of_list(&mut self, capped: Option<u32>) {
        if let Some(cap) = capped {
            self.report.notice(Notice::Gap {
                reason: format!("the platform gives at most {cap} items and gave them: there may be more"),
            });
        }
    }

    fn check_caps(&mut self, capped: Option<u32>, pages: usize) -> Result<(), Halt> {
        let reason = if let Some(cap) = capped {
            format!("{cap} items, the most the platform gives, were read and it offers more")
        } else if pages > usize::try_from(self.context.ingest.options.max_pages).unwrap_or(usize::MAX) {
            format!("{} pages were read in one run", pages - 1)
        } else {
            return Ok(());
        };
        self.report.notice(Notice::Gap { reason: format!("{reason}; the next run goes on there") });
        Err(Halt::End(Ending::Capped { reason }))
    }

    /// Keeps the page's notices, and what they say about capabilities and the calls that are left.
    async fn hear(&mut self, fetched: &Fetched, page: &Page) {
        for notice in &page.notices {
            if let Notice::CallsLeft { endpoint, left, until } = notice {
                let (ingest, adapter) = (self.context.ingest, self.unit.group.adapter.as_ref());
                ingest.fetch.calls_left(adapter, fetched, endpoint, *left, *until);
                continue;
            }
            self.report.notice(notice.clone());
            if let Notice::NotOffered { account, metric, reason } = notice {
                let retry_at = after(self.context.now, self.context.ingest.options.not_offered_retry);
                self.remember(Capability {
                    account: account.clone(),
                    endpoint: self.unit.endpoint.name.into(),
                    metric: metric.clone(),
                    lack: Lack::NotOffered,
                    reason: reason.clone(),
                    since: self.context.now,
                    retry_at,
                })
                .await;
            }
        }
    }

    async fn remember(&mut self, capability: Capability) {
        if let Err(error) = self.context.ingest.memory.remember(capability).await {
            tracing::warn!(%error, endpoint = self.unit.endpoint.name, "a capability was not remembered");
            self.report.remark(format!("what the account lacks was not remembered: {error}"));
        }
    }

    /// What was lacking before is there: forgets it.
    async fn has_it(&mut self) {
        let context = self.context;
        for account in &self.unit.accounts {
            let said_now = self.report.notices.iter().any(|notice| {
                matches!(notice, Notice::NotOffered { account: whose, metric: None, .. } if *whose == account.id)
            });
            if context.lacked(&account.id, self.unit.endpoint.name)
                && !said_now
                && let Err(error) =
                    context.ingest.memory.forget(&account.id, Some(self.unit.endpoint.name)).await
            {
                tracing::warn!(%error, account = %account.id, "a capability was not forgotten");
            }
        }
    }

    /// Days that the platform has not computed yet are asked for again, even when they lie before what is due then.
    async fn keep_not_yet(&self) -> Result<()> {
        if self.unit.is_shared() || self.context.request.range.is_some() {
            return Ok(());
        }
        let said = self.report.notices.iter().filter_map(|notice| match notice {
            Notice::NotYet { days } => Some(*days),
            _ => None,
        });
        let days = said.reduce(|a, b| DateSpan::new(a.start.min(b.start), a.end.max(b.end)));
        for account in &self.unit.accounts {
            let stream = Stream::of(&account.id, self.unit.endpoint.name);
            if self.context.before.not_yet.get(&stream).copied() != days {
                self.context.ingest.memory.set_not_yet(&stream, days).await?;
            }
        }
        Ok(())
    }

    /// Zeros that cannot be true are not believed until they have stood for a while: see [`weigh`].
    async fn weigh(&mut self, planned: &PlannedJob, cursor: &Cursor, page: &Page) -> Result<Doubt, Halt> {
        let Some(zeros) = weigh::only_zeros(page) else { return Ok(Doubt::None) };
        let known = self.context.answer(&planned.stream);
        let (shape, newest) = (self.unit.endpoint.shape, self.unit.needs_known_posts());
        let whole = known.had_numbers && weigh::is_whole_of_zeros(shape, newest, cursor, page);
        let doubt =
            if whole || (zeros && self.is_silent()) { Doubt::All } else { self.doubt(planned, page).await? };
        match doubt {
            Doubt::None if zeros => {}
            Doubt::None => {
                let answer = Answer { had_numbers: true, zeros_since: None };
                self.set_answer(&planned.stream, known, answer).await?;
            }
            Doubt::OnePost => {}
            Doubt::All => {
                self.withhold(&planned.stream).await?;
                return Ok(Doubt::None);
            }
        }
        Ok(doubt)
    }

    /// Whether zeros of one of its accounts were not believed before in this run.
    fn is_silent(&self) -> bool {
        let silent = self.context.silent.lock().unwrap_or_else(PoisonError::into_inner);
        self.unit.accounts.iter().any(|account| silent.contains(&account.id))
    }

    /// By what the store holds of the same; there is nothing when the stream has never answered.
    async fn doubt(&self, planned: &PlannedJob, page: &Page) -> Result<Doubt> {
        if !self.context.before.states.contains_key(&planned.stream) {
            return Ok(Doubt::None);
        }
        let suspects = weigh::suspects(page);
        if suspects.is_empty() {
            return Ok(Doubt::None);
        }
        let above = self.context.ingest.pages.above_zero(&suspects).await?;
        Ok(weigh::doubt(&suspects, &above))
    }

    /// Ends the unit, unless the zeros of this stream have stood for so long that they are believed.
    async fn withhold(&mut self, stream: &Stream) -> Result<(), Halt> {
        let known = self.context.answer(stream);
        let now = self.context.now;
        let since = known.zeros_since.unwrap_or(now);
        if now >= after(since, self.context.ingest.options.zeros_believed_after) {
            self.report.remark(format!("all numbers are zero since {since}: believed now"));
            let answer = Answer { had_numbers: false, zeros_since: Some(since) };
            return self.set_answer(stream, known, answer).await;
        }
        self.set_answer(stream, known, Answer { zeros_since: Some(since), ..known }).await?;
        let mut silent = self.context.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.extend(self.unit.account_ids());
        drop(silent);
        self.report.remark("numbers that were there before are zero: not believed, asked again");
        Err(Halt::End(Ending::Withheld))
    }

    async fn set_answer(&self, stream: &Stream, known: Answer, answer: Answer) -> Result<(), Halt> {
        if known == answer {
            return Ok(());
        }
        let context = self.context;
        context.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.clone(), answer);
        Ok(context.ingest.memory.set_answer(stream, answer).await?)
    }

    fn dead_token(&self) -> Option<String> {
        let dead = self.context.dead_tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let token = self.unit.endpoint.token?;
        let refused = |account: &&kepi_core::AccountRef| dead.contains(&(account.id.clone(), token));
        self.unit.accounts.iter().find(refused).map(|account| account.id.to_string())
    }

    async fn ending(&mut self, planned: &PlannedJob, halt: Halt) -> Ending {
        let error = match halt {
            Halt::End(ending) => return ending,
            Halt::Error(error) => error,
        };
        match error.kind() {
            // A state and no failure: it is remembered, and told in the report.
            ErrorKind::NotOffered => {
                tracing::info!(%error, endpoint = self.unit.endpoint.name, "endpoint not offered");
            }
            _ => tracing::warn!(%error, endpoint = self.unit.endpoint.name, "endpoint stopped"),
        }
        match error.kind() {
            ErrorKind::RateLimited | ErrorKind::QuotaExhausted | ErrorKind::BudgetExhausted => {
                Ending::Deferred { until: self.until(&error), reason: error.to_string() }
            }
            ErrorKind::NotOffered => self.lacks(planned, Lack::NotOffered, &error).await,
            ErrorKind::Forbidden => self.lacks(planned, Lack::Forbidden, &error).await,
            ErrorKind::Cancelled => Ending::Stopped,
            kind => {
                if matches!(kind, ErrorKind::Reauthorise | ErrorKind::CredentialExpired) {
                    self.bury_token();
                }
                Ending::Failed(Failure::of(&error))
            }
        }
    }

    fn until(&self, error: &Error) -> Option<Timestamp> {
        match error.retry_policy() {
            Retry::At(at) => Some(at),
            Retry::After(pause) => Some(after(self.context.ingest.clock.now(), pause)),
            Retry::Backoff | Retry::Never => None,
        }
    }

    /// What the settings do not ask for needs no memory: it costs no call and holds until the settings change. What
    /// the platform never gave rests for a while. What it gave before and refuses now is a failure: a scope that is
    /// missing until somebody mends it, what is no longer offered until that has stood for a while.
    async fn lacks(&mut self, planned: &PlannedJob, lack: Lack, error: &Error) -> Ending {
        if self.is_not_asked_for(planned) {
            return Ending::Lacking { reason: error.to_string() };
        }
        let options = &self.context.ingest.options;
        let now = self.context.now;
        let (retry_at, is_state) = match lack {
            Lack::Forbidden => (after(now, options.forbidden_retry), !self.has_given(planned)),
            Lack::NotOffered => {
                let since = self.context.lacking_since(&planned.job.accounts, self.unit.endpoint.name);
                let stood = now >= after(since.unwrap_or(now), options.not_offered_retry);
                (after(now, options.not_offered_retry), stood || !self.has_given(planned))
            }
        };
        let retry_at = if is_state { retry_at } else { now };
        for account in &planned.job.accounts {
            self.remember(Capability {
                account: account.id.clone(),
                endpoint: self.unit.endpoint.name.into(),
                metric: None,
                lack,
                reason: error.to_string(),
                since: now,
                retry_at,
            })
            .await;
        }
        if !is_state {
            return Ending::Failed(Failure::of(error));
        }
        if let Some(hint) = error.hint_text() {
            self.report.remark(format!("hint: {hint}"));
        }
        Ending::Lacking { reason: error.to_string() }
    }

    /// Whether the request cannot even be built, so that it is the settings that leave the endpoint out.
    fn is_not_asked_for(&self, planned: &PlannedJob) -> bool {
        self.unit.group.adapter.request(&planned.job, &planned.cursor).is_err()
    }

    /// Whether the platform has answered this with a page, in this run or an earlier one.
    fn has_given(&self, planned: &PlannedJob) -> bool {
        self.report.tally.pages > 0 || self.context.before.states.contains_key(&planned.stream)
    }

    /// The other endpoints that need this token are not asked in this run: they would be refused too.
    fn bury_token(&self) {
        let Some(token) = self.unit.endpoint.token else { return };
        let mut dead = self.context.dead_tokens.lock().unwrap_or_else(PoisonError::into_inner);
        dead.extend(self.unit.accounts.iter().map(|account| (account.id.clone(), token)));
    }
}

impl RunContext<'_> {
    fn answer(&self, stream: &Stream) -> Answer {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(stream).copied().unwrap_or_default()
    }
}

/// Whether an error may mean that a stored cursor is no longer good. A torn one (`Store`) is never passed over.
fn refuses_cursor(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::BadRequest | ErrorKind::NotFound)
}

fn loop_error(cursor: &Cursor) -> Error {
    Error::bad_response("the platform gave the same cursor twice: the list would never end")
        .with("cursor", format!("{cursor:?}"))
        .hint("what was read is kept; the next run tries again from there")
}

fn items_of(page: &Page) -> u64 {
    let items = if page.posts.is_empty() { page.measurements.len() } else { page.posts.len() };
    u64::try_from(items + page.rejects.len()).unwrap_or(u64::MAX)
}

fn new_page(planned: &PlannedJob, cursor: Cursor, fetched: Fetched, page: Page) -> NewPage {
    NewPage {
        stream: planned.stream.clone(),
        job: planned.job.clone(),
        cursor,
        request: Some(fetched.request),
        body: fetched.body,
        page,
    }
}

pub(crate) fn after(at: Timestamp, pause: std::time::Duration) -> Timestamp {
    jiff::SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| at.checked_add(pause).ok())
        .unwrap_or(Timestamp::MAX)
}
