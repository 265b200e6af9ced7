//! An operator that runs, and what it costs.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::figures::Row;
use super::harness::operator::Operator;
use super::kernel;

/// How long it may take until every object is decided, and until nothing is left to do.
const PATIENCE: Duration = Duration::from_secs(900);

/// An operator under the shipped rights, with the interval that it has by itself.
pub(crate) struct Running {
    operator: Operator,
    began: Instant,
}

/// What was counted up to a moment.
struct Counted {
    at: Instant,
    used: Duration,
    calls: [f64; 3],
}

impl Running {
    /// Starts it.
    ///
    /// # Errors
    /// If it does not become ready.
    pub(crate) fn start(cluster: &Cluster, name: &str, flags: &[String]) -> Result<Self, String> {
        let began = Instant::now();
        let flags = [&["--reconcile=true".to_owned(), "--log-format=json".to_owned()], flags].concat();
        let operator = Operator::from_files(cluster.plane(), name, cluster.operator(), cluster.authority(), &flags)?;
        Ok(Self { operator, began })
    }

    /// Kills it.
    pub(crate) fn kill(self) {
        self.operator.kill();
    }

    /// Waits until every object is decided and everything is written, and looks at it for so long.
    ///
    /// # Errors
    /// If that never happens.
    pub(crate) fn first(&mut self, cluster: &Cluster, what: &'static str, look: Duration) -> Result<Row, String> {
        let first = self.wait("a first decision", |metrics| sum(metrics, "decisions_total{") > 0.0)?;
        let models = cluster.models();
        let all = self.wait("every object to be decided", |metrics| count(metrics, "offload_weight{") >= models)?;
        self.rest(models)?;
        Ok(Row { decided: Some((first, all)), ..self.later(cluster, what, look)? })
    }

    /// Looks at it for so long.
    ///
    /// # Errors
    /// If it is gone.
    pub(crate) fn later(&mut self, cluster: &Cluster, what: &'static str, look: Duration) -> Result<Row, String> {
        let before = self.count()?;
        sleep(look);
        let after = self.count()?;
        let time = (after.at - before.at).as_secs_f64();
        let up = sum(&self.metrics()?, "metric_source_up{");
        if up < 1.0 {
            return Err(format!("nobody answered what pods use\n{}", self.operator.log()));
        }
        Ok(Row {
            what,
            models: cluster.models(),
            pods: cluster.pods(),
            decided: None,
            failover: None,
            cores: (after.used - before.used).as_secs_f64() / time,
            resident: kernel::memory(self.operator.pid()?)?,
            calls: [0, 1, 2].map(|index| (after.calls[index] - before.calls[index]) * 60.0 / time),
        })
    }

    /// Waits until next to nothing is written: a hundredth of the objects in five seconds.
    fn rest(&self, models: usize) -> Result<(), String> {
        let began = Instant::now();
        let mut written = self.count()?.calls;
        loop {
            sleep(Duration::from_secs(5));
            let now = self.count()?.calls;
            let few = 10.0 + models as f64 / 100.0;
            if now[0] - written[0] < few && now[2] - written[2] < few {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err("it never came to rest".to_owned());
            }
            written = now;
        }
    }

    fn wait(&self, awaited: &str, is_so: impl Fn(&str) -> bool) -> Result<Duration, String> {
        loop {
            if is_so(&self.metrics()?) {
                return Ok(self.began.elapsed());
            }
            if self.began.elapsed() > PATIENCE {
                return Err(format!("gave up waiting for {awaited}\n{}", self.operator.log()));
            }
            sleep(Duration::from_millis(200));
        }
    }

    fn count(&self) -> Result<Counted, String> {
        let metrics = self.metrics()?;
        let calls = ["kubernetes_requests_total{", "metric_requests_total{", "beamlit_requests_total{"];
        Ok(Counted {
            used: kernel::cpu_time(self.operator.pid()?)?,
            at: Instant::now(),
            calls: calls.map(|name| sum(&metrics, name)),
        })
    }

    fn metrics(&self) -> Result<String, String> {
        self.operator.ask("/metrics").map(|(_, metrics)| metrics)
    }
}

/// The samples of a metric, whose name is given without its prefix.
fn samples<'m>(metrics: &'m str, name: &'m str) -> impl Iterator<Item = f64> + 'm {
    let lines = metrics
        .lines()
        .filter(move |line| line.strip_prefix("beamlit_operator_").is_some_and(|line| line.starts_with(name)));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok())
}

fn sum(metrics: &str, name: &str) -> f64 {
    samples(metrics, name).sum()
}

fn count(metrics: &str, name: &str) -> usize {
    samples(metrics, name).count()
}
