//! The second half of the demo: traffic leaves, comes home, and leaves again when the pods die. A real HorizontalPodAutoscaler stands
//! beside, and shows the same.
//!
//! Nothing here carries traffic. A loop plays the data plane: it reads the weight from the Service, as one would, and has the pods use
//! what is left for them.

mod moment;
pub(crate) mod picture;
pub(crate) mod screen;

use std::time::{Duration, Instant};

use anstyle::Style;

use self::moment::HEADER;
pub(crate) use self::moment::Moment;
pub(crate) use self::picture::{chart, cut};
pub(crate) use self::screen::{Screen, Size};
use crate::harness::Kubectl;
use crate::harness::operator::Operator;
use crate::harness::simulation::Simulation;

/// What the Service says. kubectl prints that in any order.
const ANNOTATIONS: &str = "annotate service chat --list | sort";

/// How often everything is looked at.
const TICK: Duration = Duration::from_secs(1);

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything that is looked at, and what was seen.
pub(crate) struct Live<'l, 'o> {
    simulation: &'l Simulation,
    operator: &'l Operator,
    kubectl: &'l Kubectl,
    screen: &'l mut Screen<'o>,
    began: Instant,
    moments: Vec<Moment>,
    /// What the pods were told last: for this many of them, to use so much each.
    told: Option<(i64, i64)>,
    /// Whether a header stands above the next line.
    header: bool,
}

impl<'l, 'o> Live<'l, 'o> {
    /// Of pods that [`prepare`] started.
    pub(crate) fn new(
        simulation: &'l Simulation,
        operator: &'l Operator,
        kubectl: &'l Kubectl,
        screen: &'l mut Screen<'o>,
    ) -> Self {
        let moments = Vec::new();
        Self { simulation, operator, kubectl, screen, began: Instant::now(), moments, told: None, header: true }
    }

    /// All of it.
    ///
    /// # Errors
    /// If something does not become as it should.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        self.began = Instant::now();
        self.tell(
            "5. Traffic leaves when the pods have too much to do. The pods are kwok's, and nothing carries traffic here: a loop of this\n   \
                demo plays the data plane. It reads the weight from the Service and has the pods use demand · (1 − weight). What measures\n   \
                that is real: metrics-server, and a HorizontalPodAutoscaler beside ours, which only measures: hence the warning. To save\n   \
                time, the manifest shortens scaleDown.stabilizationWindowSeconds from 300 to 10, decisions are made every 2 s instead\n   \
                of 15, and metrics-server looks every 10 s.\n",
        )?;
        self.show("apply -f tests/cluster/demo/offloaded.yaml")?;
        self.until("all traffic at home", |now| now.reason == "AtHome" && now.measured.is_some())?;
        self.show("get ofa,hpa chat")?;

        self.tell("6. The load rises over the target of 90 %.\n")?;
        self.demand(95)?;
        self.until("half of the traffic to leave", |now| now.weight == Some(50) && now.away == 50)?;
        // The two look at different times, and one of them is the first.
        self.watch(Duration::from_secs(4), |now| now.measured >= Some(picture::TARGET))?;
        self.show("get ofa,hpa chat")?;
        self.show(ANNOTATIONS)?;

        self.tell(
            "7. That takes half of the load away, and the HorizontalPodAutoscaler measures it. By that figure alone traffic would come\n   \
                home, be too much, and leave again, for ever. The operator reckons what the demand would be at home, and holds.\n   \
                (What it has read it writes with each decision, and otherwise once a minute: `get ofa` may still say 95%.)\n",
        )?;
        self.until("the pods to be relieved", |now| now.measured.is_some_and(|measured| measured < 60))?;
        self.hold(Duration::from_secs(24), |now| now.weight == Some(50))?;
        self.show("get hpa chat")?;

        self.tell("8. The load falls. Traffic comes home in steps.\n")?;
        self.demand(20)?;
        self.until("all traffic to come home", |now| now.weight == Some(0) && now.away == 0)?;
        self.show("get ofa,hpa chat")?;

        self.tell("9. The pods die: none is ready any more. All traffic leaves, past every window, whatever the metrics say.\n")?;
        let died = Instant::now();
        self.show("annotate pods --selector app=chat --overwrite simulated.beamlit.com/ready=false")?;
        self.until("all traffic to leave", |now| now.weight == Some(100) && now.away == 100)?;
        let took = died.elapsed().as_secs_f32();
        self.tell(&format!("    (seen {took:.1} s after that command was given)\n"))?;
        self.show("get ofa,hpa chat")?;
        self.show(ANNOTATIONS)?;
        self.hold(Duration::from_secs(5), |now| now.weight == Some(100))?;

        self.screen.leave();
        self.tell("What the operator logged of it:\n")?;
        let ours = format!("namespace={:?}", self.kubectl.namespace);
        let log = self.operator.log();
        let lines = log.lines().filter(|line| line.contains("remote weight") && line.contains(&ours));
        let lines: Vec<_> = lines.map(|line| format!("    {line}")).collect();
        self.tell(&(lines.join("\n") + "\n"))
    }

    /// The weights that were seen, one after the other.
    pub(crate) fn weights(&self) -> Vec<i64> {
        let mut weights: Vec<_> = self.moments.iter().filter_map(|moment| moment.weight).collect();
        weights.dedup();
        weights
    }

    /// Goes on for as long as the process runs: whoever changes the demand, or the pods, sees what becomes of it. The picture must leave
    /// room for what was told last, which has this many lines.
    ///
    /// # Errors
    /// If nothing can be written any more.
    pub(crate) fn go_on(&mut self, below: usize) -> Result<(), String> {
        self.screen.beside(below, picture::HEIGHT);
        loop {
            let began = Instant::now();
            // Somebody may be changing, or breaking, whatever they like.
            if let Err(why) = self.look() {
                self.tell(&format!("    {why}"))?;
            }
            rest(began);
        }
    }

    /// Lines that stay.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) fn tell(&mut self, text: &str) -> Result<(), String> {
        let after_moments = !std::mem::replace(&mut self.header, true);
        self.screen.say(&format!("{}{text}", if after_moments { "\n" } else { "" }))
    }

    /// Runs kubectl, which must succeed, and shows the command and what it printed.
    fn show(&mut self, command: &str) -> Result<(), String> {
        let lines = self.command(command)?;
        self.tell(&(lines.join("\n") + "\n"))
    }

    /// Runs kubectl, through `sort` if the command says so.
    fn command(&self, command: &str) -> Result<Vec<String>, String> {
        let (arguments, sorted) = command.strip_suffix(" | sort").map_or((command, false), |rest| (rest, true));
        let out = self.kubectl.run(arguments);
        if !out.succeeded() {
            return Err(format!("kubectl {arguments}: {out}"));
        }
        let mut printed: Vec<_> = out.stderr.lines().chain(out.stdout.lines()).collect();
        if sorted {
            printed.sort_unstable();
        }
        let bold = self.screen.style(Style::new().bold());
        let title = format!("    $ {bold}kubectl {command}{bold:#}");
        Ok([title].into_iter().chain(printed.into_iter().map(|line| format!("    {line}"))).collect())
    }

    /// Has clients ask for as much.
    fn demand(&mut self, percent: i64) -> Result<(), String> {
        self.show(&format!("annotate service chat --overwrite {}={percent}", moment::DEMAND))
    }

    /// Looks until something is so.
    fn until(&mut self, awaited: &str, is: impl Fn(&Moment) -> bool) -> Result<(), String> {
        let now = self.watch(PATIENCE, &is)?;
        if is(&now) { Ok(()) } else { Err(format!("gave up waiting for {awaited}: {now:?}")) }
    }

    /// Looks until something is so, or for this long.
    fn watch(&mut self, time: Duration, is: impl Fn(&Moment) -> bool) -> Result<Moment, String> {
        let began = Instant::now();
        loop {
            let looked = Instant::now();
            let now = self.look()?;
            if is(&now) || began.elapsed() > time {
                return Ok(now);
            }
            rest(looked);
        }
    }

    /// Looks for some time, in which something must not change.
    fn hold(&mut self, time: Duration, is: impl Fn(&Moment) -> bool) -> Result<(), String> {
        let now = self.watch(time, |now| !is(now))?;
        if is(&now) { Ok(()) } else { Err(format!("that was not to change: {now:?}")) }
    }

    /// Looks at everything once, has the pods use what is left for them, and shows what has changed.
    fn look(&mut self) -> Result<Moment, String> {
        let now = Moment::now(self.kubectl)?;
        self.follow(&now)?;
        if self.moments.last() != Some(&now) {
            let line = now.line(self.began.elapsed(), self.reckoned());
            let header = if std::mem::take(&mut self.header) { format!("{HEADER}\n") } else { String::new() };
            self.screen.say(&format!("{header}{line}"))?;
        }
        self.moments.push(now.clone());
        self.draw()?;
        Ok(now)
    }

    /// Draws the picture, where there is a terminal for it.
    fn draw(&mut self) -> Result<(), String> {
        let Some(Size { rows, columns }) = self.screen.size() else { return Ok(()) };
        let tables: &[&str] =
            if columns >= picture::WIDE { &["get ofa,hpa chat"] } else { &["get ofa chat", "get hpa chat"] };
        let mut lines = vec![String::new()];
        lines.extend(chart(&self.moments, columns, self.screen));
        for command in tables.iter().chain(&[ANNOTATIONS]) {
            // Without the object there is nothing to show, and that is no fault.
            let printed = self.command(command).unwrap_or_default();
            lines.extend(printed.iter().filter(|line| !line.trim().is_empty()).map(|line| cut(line, columns)));
        }
        lines.truncate(rows.saturating_sub(1));
        self.screen.draw(&lines)
    }

    /// As a data plane would: what is not sent away is served by the pods that are ready.
    fn follow(&mut self, now: &Moment) -> Result<(), String> {
        let usage = (now.ready, now.millicores());
        if self.told == Some(usage) {
            return Ok(());
        }
        // A kubelet of kwok's takes what a pod uses when it is asked for what it has used since it was asked before.
        self.simulation.ask_kubelets()?;
        let millicores = usage.1;
        let out = self
            .kubectl
            .run(&format!("annotate pods --selector app=chat --overwrite simulated.beamlit.com/cpu={millicores}m"));
        if !out.succeeded() {
            return Err(out.to_string());
        }
        self.told = Some(usage);
        Ok(())
    }

    /// What the operator reckons the metric would be with all traffic at home, in percent, by its own metrics.
    fn reckoned(&self) -> Option<f64> {
        let namespace = &self.kubectl.namespace;
        let series = format!("offload_demand_ratio{{namespace=\"{namespace}\",name=\"chat\",metric=\"0\"}}");
        self.operator.metric(&series).ok().map(|ratio| ratio * picture::TARGET as f64)
    }
}

/// Starts the pods, their Service and the HorizontalPodAutoscaler, whose first figures take some time.
///
/// # Errors
/// If they are refused.
pub(crate) fn prepare(kubectl: &Kubectl) -> Result<(), String> {
    // kubectl's own annotation would stand among those that are shown.
    let out = kubectl.run("apply --server-side --filename tests/cluster/demo/simulated.yaml");
    if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
}

/// Sleeps for what is left of a tick.
fn rest(began: Instant) {
    std::thread::sleep(TICK.saturating_sub(began.elapsed()));
}
