//! Whatever happens to three candidates, their networks and their API server: never two leaders at a time.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::Context;

use proptest::prelude::*;
use tokio::task::AbortHandle;

use super::*;

const CANDIDATES: usize = 3;

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// The network of a candidate is like that.
    Network(usize, Network),
    /// The API server is down for so long; what was on its way is lost.
    Down(Duration),
    /// The process of a candidate stands still for so long.
    Still(usize, Duration),
    /// It is killed, and starts again under another identity.
    Killed(usize),
    /// It is told to end, and starts again under another identity.
    Ended(usize),
    /// What it does as a leader breaks down.
    BreaksDown(usize),
    /// Somebody else changes the Lease, but not what it says.
    Labelled,
}

/// Who acts as the leader, as an outsider sees it.
#[derive(Default)]
struct Acts {
    /// The term, whose it is, when it last acted, and whether the lease may be given back since.
    last: Option<(u64, String, Instant, bool)>,
    /// The last term whose work was dropped, although its process goes on.
    dropped: u64,
    terms: u64,
    faults: Vec<String>,
}

impl Acts {
    fn begin(&mut self, who: &str) -> u64 {
        let now = Instant::now();
        self.terms += 1;
        if let Some((_, other, acted, given)) = &self.last
            && other != who
            && !given
            && now - *acted < Duration::from_secs(5)
        {
            self.faults.push(format!("{who} begins {:?} after {other} acted", now - *acted));
        }
        self.last = Some((self.terms, who.to_owned(), now, false));
        self.terms
    }

    fn act(&mut self, term: u64) {
        match &mut self.last {
            Some((last, _, acted, false)) if *last == term => *acted = Instant::now(),
            last => self.faults.push(format!("term {term} acts in the time of {last:?}")),
        }
    }

    /// It will not act any more, and the lease may be given back.
    fn over(&mut self, term: u64) {
        if let Some((last, _, _, given)) = &mut self.last
            && *last == term
        {
            *given = true;
        }
    }

    /// A process is told to end. Where its work was dropped before, it may give the lease back at once: it has it by its own words, if a
    /// renewal was done and never answered.
    fn ends(&mut self, who: &str) {
        if let Some((last, its, _, given)) = &mut self.last
            && *last == self.dropped
            && its == who
        {
            *given = true;
        }
    }
}

/// One candidate's process.
struct Process {
    identity: String,
    way: Way,
    shutdown: CancellationToken,
    breaks_down: CancellationToken,
    still_until: Arc<Mutex<Instant>>,
    task: AbortHandle,
}

/// A process that may stand still: nothing of it has its turn then.
struct Stoppable<F> {
    process: Pin<Box<F>>,
    until: Arc<Mutex<Instant>>,
}

impl<F: Future> Future for Stoppable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let until = *self.until.lock().unwrap();
        if Instant::now() < until {
            let waker = context.waker().clone();
            tokio::spawn(async move {
                sleep_until(until).await;
                waker.wake();
            });
            return Poll::Pending;
        }
        self.process.as_mut().poll(context)
    }
}

/// Says, when the work is dropped, whether that is for good.
struct Term {
    term: u64,
    acts: Arc<Mutex<Acts>>,
    shutdown: CancellationToken,
}

impl Drop for Term {
    fn drop(&mut self) {
        let mut acts = self.acts.lock().unwrap();
        if self.shutdown.is_cancelled() {
            acts.over(self.term);
        } else {
            acts.dropped = self.term;
        }
    }
}

impl Process {
    fn start(server: &ApiServer, way: &Way, who: usize, life: usize, acts: &Arc<Mutex<Acts>>) -> Self {
        let (shutdown, breaks_down) = (CancellationToken::new(), CancellationToken::new());
        let still_until = Arc::new(Mutex::new(Instant::now()));
        let identity = format!("{who}-{life}");
        let candidate = candidate(server, way, &identity);
        let known_as = identity.clone();
        let process = {
            let (shutdown, breaks_down, acts) = (shutdown.clone(), breaks_down.clone(), Arc::clone(acts));
            async move {
                let run = || {
                    let (shutdown, breaks_down, acts) = (shutdown.clone(), breaks_down.clone(), Arc::clone(&acts));
                    let identity = identity.clone();
                    async move {
                        let term = acts.lock().unwrap().begin(&identity);
                        let held = Term { term, acts: Arc::clone(&acts), shutdown };
                        while !breaks_down.is_cancelled() {
                            sleep(Duration::from_millis(200)).await;
                            acts.lock().unwrap().act(held.term);
                        }
                        acts.lock().unwrap().over(held.term);
                    }
                };
                candidate.lead(&shutdown, run).await;
            }
        };
        let stoppable = Stoppable { process: Box::pin(process), until: Arc::clone(&still_until) };
        let task = tokio::spawn(stoppable).abort_handle();
        Self { identity: known_as, way: way.clone(), shutdown, breaks_down, still_until, task }
    }
}

async fn simulate(events: Vec<(Duration, Event)>) -> Vec<String> {
    let (server, acts) = (ApiServer::default(), Arc::new(Mutex::new(Acts::default())));
    let mut processes: Vec<Process> =
        (0..CANDIDATES).map(|who| Process::start(&server, &Way::default(), who, 0, &acts)).collect();
    for (life, (after, event)) in events.into_iter().enumerate() {
        sleep(after).await;
        let again = |who: usize, old: &Process| Process::start(&server, &old.way, who, life + 1, &acts);
        match event {
            Event::Network(who, network) => processes[who].way.set(network),
            Event::Down(time) => {
                server.stored().down = true;
                server.stored().life += 1;
                sleep(time).await;
                server.stored().down = false;
            }
            Event::Still(who, time) => *processes[who].still_until.lock().unwrap() = Instant::now() + time,
            Event::Killed(who) => {
                processes[who].task.abort();
                processes[who] = again(who, &processes[who]);
            }
            Event::Ended(who) => {
                acts.lock().unwrap().ends(&processes[who].identity);
                processes[who].shutdown.cancel();
                processes[who] = again(who, &processes[who]);
            }
            Event::BreaksDown(who) => {
                // Until it is started again, whenever it leads.
                processes[who].breaks_down.cancel();
                sleep(Duration::from_secs(1)).await;
                processes[who].task.abort();
                processes[who] = again(who, &processes[who]);
            }
            Event::Labelled => server.edit(|lease| lease["metadata"]["labels"] = json!({"life": life.to_string()})),
        }
    }
    // When all is well again, somebody leads soon, and the same stays.
    for process in &processes {
        process.way.set(Network::Works);
        *process.still_until.lock().unwrap() = Instant::now();
    }
    sleep(Duration::from_secs(90)).await;
    let terms = acts.lock().unwrap().terms;
    sleep(Duration::from_secs(60)).await;
    let acts = &mut *acts.lock().unwrap();
    let acted = acts.last.as_ref().is_some_and(|(.., acted, _)| acted.elapsed() < Duration::from_secs(1));
    if !acted || terms != acts.terms {
        acts.faults.push(format!("nobody leads for good in the end: {terms}, {}: {:?}", acts.terms, acts.last));
    }
    std::mem::take(&mut acts.faults)
}

fn time(most: u64) -> impl Strategy<Value = Duration> {
    (0..most).prop_map(Duration::from_millis)
}

fn network() -> impl Strategy<Value = Network> {
    prop_oneof![
        2 => Just(Network::Works),
        2 => (time(9_000), time(9_000)).prop_map(|(there, back)| Network::Slow(there, back)),
        1 => Just(Network::Cut),
        1 => Just(Network::OneWay),
        1 => Just(Network::Refused),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let who = || 0..CANDIDATES;
    prop_oneof![
        6 => (who(), network()).prop_map(|(who, network)| Event::Network(who, network)),
        1 => time(30_000).prop_map(Event::Down),
        2 => (who(), time(40_000)).prop_map(|(who, time)| Event::Still(who, time)),
        1 => who().prop_map(Event::Killed),
        1 => who().prop_map(Event::Ended),
        1 => who().prop_map(Event::BreaksDown),
        1 => Just(Event::Labelled),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn there_are_never_two_leaders(events in proptest::collection::vec((time(12_000), event()), 0..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let faults = runtime.block_on(simulate(events));
        prop_assert!(faults.is_empty(), "{faults:#?}");
    }
}
