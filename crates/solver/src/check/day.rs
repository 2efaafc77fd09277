//! The timeline of one day, for the checker alone: acts in order, as early as they can be, then pushed late.

use super::rich::StopTimes;
use crate::io::rich::model::{Break, Driving, Vehicle};

/// What an act is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The vehicle is free after the part of its day that is over.
    Free,
    /// Loading for the first trip.
    Start,
    /// Loading after a reload.
    Load,
    /// A visit.
    Visit,
    /// The arrival at the end.
    End,
    /// A rest by the driving rule.
    Rest,
    /// A break by the clock, by its number.
    Break(usize),
}

/// One act: the way before it, when it may begin, how long it takes.
#[derive(Clone, Debug)]
pub(super) struct Act {
    what: What,
    way: i64,
    windows: Vec<(i64, i64)>,
    length: i64,
    arrive: i64,
    begin: i64,
    /// Driving alone, without rests on the road.
    drive: i64,
}

impl Act {
    pub(super) fn new(what: What, way: i64, windows: Vec<(i64, i64)>, length: i64) -> Self {
        Self { what, way, windows, length, arrive: 0, begin: 0, drive: way }
    }

    /// First moment at or after `t` in a window; `t` when it is too late for all.
    fn open(&self, t: i64) -> i64 {
        self.windows.iter().find(|w| w.1 >= t).map_or(t, |w| w.0.max(t))
    }

    /// Last moment at or before `t` in a window.
    fn last(&self, t: i64) -> i64 {
        self.windows.iter().rev().find(|w| w.0 <= t).map_or(t, |w| w.1.min(t))
    }

    fn over(&self) -> i64 {
        self.begin + self.length
    }

    fn late(&self) -> Option<(i64, i64)> {
        self.windows.last().filter(|w| self.begin > w.1).map(|w| (self.begin, w.1))
    }
}

/// A day laid out in time.
#[derive(Clone, Debug)]
pub(super) struct Day {
    acts: Vec<Act>,
}

impl Day {
    /// Lays out the acts of a day: first those given, then the pauses that the rules add.
    pub(super) fn lay(acts: &[Act], vehicle: &Vehicle) -> Self {
        let mut due: Vec<(usize, Break)> = Vec::new();
        let mut day = Self::forward(acts, vehicle.driving, &due);
        let under_way = acts[0].what == What::Free;
        for (number, &pause) in vehicle.breaks.iter().enumerate() {
            // A break whose window was over when the vehicle became free has been.
            let been = under_way && acts[0].windows[0].0 > pause.window.1.0;
            if !been && day.end() > pause.window.1.0 {
                due.push((number, pause));
                day = Self::forward(acts, vehicle.driving, &due);
            }
        }
        if !under_way {
            day.push_late(0, day.acts.len() - 1);
        }
        let loads: Vec<usize> = (0..day.acts.len())
            .filter(|&i| matches!(day.acts[i].what, What::Start | What::Load | What::End))
            .collect();
        for pair in loads.windows(2) {
            day.push_late(pair[0], pair[1]);
        }
        day
    }

    fn forward(acts: &[Act], rule: Option<Driving>, due: &[(usize, Break)]) -> Self {
        let mut road = Road {
            laid: Vec::with_capacity(acts.len() + 4),
            now: 0,
            driven: 0,
            wait: None,
            due: due.to_vec(),
        };
        for act in acts {
            road.take(act.clone(), rule);
        }
        Self { acts: road.laid }
    }

    /// Pushes the acts from `first` to before `last` as late as the arrival at `last` allows, then times the acts
    /// between them as early as follows from that.
    fn push_late(&mut self, first: usize, last: usize) {
        let mut next = self.acts[last].arrive;
        for i in (first..last).rev() {
            let act = &self.acts[i];
            let latest = act.last(next - self.acts[i + 1].way - act.length);
            next = latest.max(act.begin);
        }
        self.acts[first].begin = self.acts[first].begin.max(next);
        if first == 0 {
            // The day begins with this act.
            self.acts[0].arrive = self.acts[0].begin;
        }
        for i in first + 1..=last {
            let now = self.acts[i - 1].over();
            let act = &mut self.acts[i];
            act.arrive = now + act.way;
            act.begin = act.open(act.arrive);
        }
    }

    pub(super) fn start(&self) -> i64 {
        self.acts[0].begin
    }

    pub(super) fn end(&self) -> i64 {
        self.acts.last().map_or(0, |act| act.arrive)
    }

    pub(super) fn duration(&self) -> i64 {
        self.end() - self.start()
    }

    /// Indices of the acts that the route's numbers stand for: visits and reloads.
    fn numbered(&self) -> impl Iterator<Item = usize> + '_ {
        (1..self.acts.len()).filter(|&i| matches!(self.acts[i].what, What::Visit | What::Load))
    }

    pub(super) fn stops(&self) -> Vec<StopTimes> {
        let times = |i: usize| {
            let act = &self.acts[i];
            StopTimes { arrive: act.arrive, begin: act.begin, end: act.over() }
        };
        self.numbered().map(times).collect()
    }

    /// Driving time up to each number, and to the end.
    pub(super) fn driven(&self) -> Vec<i64> {
        let mut sum = 0;
        let mut list = Vec::new();
        for act in &self.acts[1..] {
            sum += act.drive;
            if matches!(act.what, What::Visit | What::Load | What::End) {
                list.push(sum);
            }
        }
        list
    }

    /// Of each number, how it misses its windows: (begin, limit).
    pub(super) fn late(&self) -> Vec<Option<(i64, i64)>> {
        self.numbered().map(|i| self.acts[i].late()).collect()
    }

    /// The same of the first loading and of breaks.
    pub(super) fn other_late(&self) -> Vec<(i64, i64)> {
        let other = |act: &&Act| matches!(act.what, What::Start | What::Break(_));
        self.acts.iter().filter(other).filter_map(Act::late).collect()
    }

    fn act_of(&self, number: usize) -> usize {
        self.numbered().nth(number).expect("a number of the route")
    }

    /// When the trip of this number left its depot.
    pub(super) fn departure(&self, number: usize) -> i64 {
        let at = self.act_of(number);
        let left = |act: &&Act| matches!(act.what, What::Free | What::Start | What::Load);
        self.acts[..at].iter().rev().find(left).map_or(0, Act::over)
    }

    /// When the trip of this number is back.
    pub(super) fn trip_end(&self, number: usize) -> i64 {
        let at = self.act_of(number);
        let back = self.acts[at + 1..].iter().find(|act| matches!(act.what, What::Load | What::End));
        back.map_or(0, |act| act.arrive)
    }
}

/// A vehicle on the road in the forward pass.
struct Road {
    laid: Vec<Act>,
    now: i64,
    /// Driving since the last rest.
    driven: i64,
    /// The last wait long enough for a rest: the act that was waited for, and driving since.
    wait: Option<(usize, i64)>,
    due: Vec<(usize, Break)>,
}

impl Road {
    fn lay(&mut self, mut act: Act, arrive: i64) {
        act.arrive = arrive;
        act.begin = act.open(arrive);
        self.now = act.over();
        self.laid.push(act);
    }

    fn pause(&mut self, at: usize, way: i64, arrive: i64) {
        let (number, pause) = self.due.remove(at);
        let window = vec![(pause.window.0.0, pause.window.1.0)];
        let mut act = Act::new(What::Break(number), way, window, pause.duration.0);
        act.drive = 0;
        self.lay(act, arrive);
    }

    fn take(&mut self, mut act: Act, rule: Option<Driving>) {
        if self.laid.is_empty() {
            self.lay(act, i64::MIN / 4);
            self.laid[0].arrive = self.laid[0].begin;
            return;
        }
        let drive = act.drive;
        if let Some(rule) = rule {
            act.way += self.rest(rule, drive);
        }
        // A break before driving on: it is time for it, or the next arrival would be too late for it.
        let next = self.now + act.way;
        while let Some(&(_, pause)) = self.due.first() {
            let (from, to) = (pause.window.0.0, pause.window.1.0);
            if !(from..=to).contains(&self.now) && next <= to {
                break;
            }
            self.pause(0, 0, self.now);
        }
        let mut arrive = self.now + act.way;
        if let Some(&(_, pause)) = self.due.first() {
            let (from, to) = (pause.window.0.0, pause.window.1.0);
            let service_over = act.open(arrive) + act.length;
            if (from..=to).contains(&arrive) || (arrive < from && service_over > to) {
                self.pause(0, act.way, arrive);
                act.way = 0;
                arrive = self.now;
            }
        }
        if let Some((_, since)) = &mut self.wait {
            *since += drive;
        }
        if rule.is_some_and(|rule| act.open(arrive) - arrive >= rule.rest.0) && act.what != What::End {
            self.wait = Some((self.laid.len(), 0));
        }
        self.lay(act, arrive);
    }

    /// Rests before the next leg if it must; gives the time of rests on the road.
    fn rest(&mut self, rule: Driving, drive: i64) -> i64 {
        let (most, length) = (rule.max_driving.0, rule.rest.0);
        if self.driven + drive <= most {
            self.driven += drive;
            return 0;
        }
        if let Some((at, since)) = self.wait.take()
            && since + drive <= most
        {
            // The rest was in that wait: it stands before the act that was waited for.
            let waited = &mut self.laid[at];
            let mut rest = Act::new(What::Rest, waited.way, Vec::new(), length);
            (rest.arrive, rest.begin, rest.drive) = (waited.arrive, waited.arrive, waited.drive);
            (waited.way, waited.drive) = (0, 0);
            waited.arrive += length;
            self.laid.insert(at, rest);
            self.driven = since + drive;
            return 0;
        }
        if self.driven > 0 {
            let mut rest = Act::new(What::Rest, 0, Vec::new(), length);
            rest.drive = 0;
            let now = self.now;
            self.lay(rest, now);
        }
        let on_road = (drive - 1).max(0) / most;
        self.driven = drive - on_road * most;
        on_road * length
    }
}
