//! The table in `benches/RESULTS.md`, the plot beside it, and the verdict on every mark.

use crate::Options;
use crate::judge::{Run, name_of, processor};
use crate::listing::{Mark, Row, best_known};
use crate::plot;
use std::fmt::Write as _;
use std::path::Path;

const RESULTS: &str = "benches/RESULTS.md";

/// What is known of one instance.
struct Known {
    routes: Option<usize>,
    cost: Option<f64>,
}

/// What one solver reached on one instance.
struct Reached {
    cost: f64,
    vehicles: usize,
}

fn of<'a>(runs: &'a [Run], row: &Row, instance: &str) -> Vec<&'a Run> {
    let same = |run: &&Run| {
        run.set == row.set
            && run.instance == instance
            && run.seconds == row.seconds
            && run.convention == row.convention.name()
    };
    runs.iter().filter(same).collect()
}

/// The best sound answer of all peers on an instance, and whose.
fn best_peer<'a>(runs: &'a [Run], row: &Row, instance: &str) -> Option<(&'a str, Reached)> {
    let fleet_first = row.convention.name() == "hierarchical";
    let sound = of(runs, row, instance).into_iter().filter(|run| run.ok);
    let rank = |run: &&Run| (if fleet_first { run.vehicles } else { 0 }, run.cost);
    let best = sound.min_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal))?;
    Some((&best.solver, Reached { cost: best.cost, vehicles: best.vehicles }))
}

/// Writes everything; gives whether every mark was reached.
pub(crate) fn write(options: &Options, rows: &[Row], ours: &[Run], theirs: &[Run]) -> Result<bool, String> {
    let known = best_known(&options.instances)?;
    let mut table = String::from(
        "| row | budget | runs | sound | mean gap | worst gap | fleet above best | best known reached | best peer, mean gap | mark | reached |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let mut detail = String::from(
        "| row | instance | best known | ours, mean | ours, best | vehicles | iterations | best peer |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let mut all_reached = true;
    for row in rows {
        let line = summarise(row, ours, theirs, &known, &mut detail);
        all_reached &= line.reached;
        table.push_str(&line.text);
    }
    let section = section(options, &table, &detail);
    replace(Path::new(RESULTS), &format!("## Solver ({})", options.mode.name()), &section)?;
    let plot = format!("benches/solver-{}.svg", options.mode.name());
    std::fs::write(&plot, plot::convergence(rows, ours)).map_err(|e| format!("{plot}: {e}"))?;
    println!("{table}\n{detail}");
    Ok(all_reached)
}

struct Line {
    text: String,
    reached: bool,
}

type Listed = (String, String, String, Option<usize>, f64);

fn summarise(row: &Row, ours: &[Run], theirs: &[Run], known: &[Listed], detail: &mut String) -> Line {
    let (mut gaps, mut peer_gaps, mut more, mut hits, mut sound, mut runs) =
        (vec![], vec![], vec![], 0, 0, 0);
    let mut below_peer = true;
    for file in &row.files {
        let name = name_of(file);
        let listed = known.iter().find(|k| k.0 == row.set && k.1 == name && k.2 == row.convention.name());
        let peer = best_peer(theirs, row, &name);
        let known = Known { routes: listed.and_then(|k| k.3), cost: listed.map(|k| k.4) };
        let mine = of(ours, row, &name);
        // Without a list the best peer is the measure.
        let measure = known.cost.or(peer.as_ref().map(|(_, reached)| reached.cost));
        let gap = |cost: f64| measure.map_or(f64::NAN, |best| (cost / best - 1.0) * 100.0);
        for run in &mine {
            runs += 1;
            sound += usize::from(run.ok);
            if !run.ok {
                gaps.push(f64::INFINITY);
                continue;
            }
            // Neither a list nor a peer says anything of some instances.
            gaps.extend(measure.map(|_| gap(run.cost)));
            hits += usize::from(
                gap(run.cost) <= 1e-3
                    && known
                        .routes
                        .is_none_or(|k| run.vehicles <= k || row.convention.name() != "hierarchical"),
            );
            if let (Some(routes), true) = (known.routes, row.convention.name() == "hierarchical") {
                more.push(run.vehicles.saturating_sub(routes));
            }
        }
        let costs: Vec<f64> = mine.iter().filter(|run| run.ok).map(|run| run.cost).collect();
        let mean = mean(&costs);
        if let Some((_, reached)) = &peer {
            peer_gaps.push(gap(reached.cost));
            below_peer &= mean < reached.cost;
        }
        let vehicles: Vec<String> = mine.iter().map(|run| run.vehicles.to_string()).collect();
        let iterations: u64 = mine.iter().map(|run| run.iterations).sum::<u64>() / (mine.len() as u64).max(1);
        let _ = writeln!(
            detail,
            "| {} | {name} | {} | {mean:.2} | {:.2} | {} | {iterations} | {} |",
            row.name,
            known.cost.map_or("–".into(), |c| format!(
                "{c} ({})",
                known.routes.map_or("–".into(), |r| r.to_string())
            )),
            costs.iter().copied().fold(f64::INFINITY, f64::min),
            vehicles.join(" "),
            peer.map_or("–".into(), |(name, r)| format!("{name} {:.2} ({})", r.cost, r.vehicles)),
        );
    }
    let (mean_gap, worst) = (mean(&gaps), gaps.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    let most_more = more.iter().copied().max().unwrap_or(0);
    let (mark, reached) = match row.mark {
        Mark::Mean(most) => (format!("mean ≤ {most} %"), mean_gap <= most),
        Mark::Listed(most) => ("listed value in every run".to_owned(), worst <= most),
        Mark::Fleet { more, gap } => (
            format!("fleet + {more}, distance ≤ {gap} %"),
            most_more <= more && (most_more > 0 || mean_gap <= gap),
        ),
        Mark::BestPeer => ("below the best peer".to_owned(), below_peer && !peer_gaps.is_empty()),
        Mark::PeersMean => {
            ("mean below the best peer's".to_owned(), !peer_gaps.is_empty() && mean_gap < mean(&peer_gaps))
        }
    };
    let reached = reached && sound == runs && runs > 0;
    let name = match row.missing.as_slice() {
        [] => row.name.to_owned(),
        names => format!("{} (not in the folder: {})", row.name, names.join(", ")),
    };
    if runs == 0 {
        let text = format!("| {name} | {} s | 0 | – | – | – | – | – | – | {mark} | not run |\n", row.seconds);
        return Line { text, reached };
    }
    let text = format!(
        "| {name} | {} s | {runs} | {sound} | {mean_gap:.3} % | {worst:.3} % | {most_more} | {hits} of {runs} | {} | {mark} | {} |\n",
        row.seconds,
        if peer_gaps.is_empty() { "–".to_owned() } else { format!("{:.3} %", mean(&peer_gaps)) },
        if reached { "yes" } else { "no" },
    );
    Line { text, reached }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn section(options: &Options, table: &str, detail: &str) -> String {
    let now = jiff::Timestamp::now().to_string();
    let date = now.get(..10).unwrap_or(&now);
    format!(
        "`make bench-solver MODE={}`, {date}, {}. One thread a search, its processor time; gaps to the best known of \
         the folder's list (to the best peer where there is no list); every answer priced by `vrp check`'s checker.\n\n\
         {table}\n![convergence](solver-{}.svg)\n\n{detail}",
        options.mode.name(),
        processor(),
        options.mode.name(),
    )
}

/// Puts a section under its heading, replacing what stood there.
pub(crate) fn replace(path: &Path, heading: &str, body: &str) -> Result<(), String> {
    let old = std::fs::read_to_string(path).unwrap_or_else(|_| "# Results\n".into());
    let mut text = String::new();
    let mut inside = false;
    for line in old.lines() {
        if line.starts_with("## ") {
            inside = line == heading;
        }
        if !inside {
            text.push_str(line);
            text.push('\n');
        }
    }
    let _ = write!(text, "\n{heading}\n\n{body}");
    let tidy = text.replace("\n\n\n", "\n\n");
    std::fs::write(path, tidy).map_err(|e| format!("{}: {e}", path.display()))
}
