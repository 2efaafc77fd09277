//! The facade: a network opened or built, and the questions that can be put to it.

use crate::RoadsError;
use crate::audit;
use crate::contraction::customize::{self, Plan};
use crate::contraction::memo::Memo;
use crate::contraction::perfect;
use crate::contraction::{Topology, Weights};
use crate::file::{Column, Store, Writer};
use crate::graph::{MetricNames, RoadGraph, build};
use crate::limits::{META_BYTES_MAX, PROFILE_BYTES_MAX, ROUTE_POINTS_MAX};
use crate::live::Desk;
use crate::order::Known;
use crate::osm::{self, RoadClass};
use crate::profile::{Band, Profile, Profiles};
use crate::query::tree::{self, View};
use crate::query::{Ends, dijkstra, weight};
use crate::route::{Leg, Route, Stretch};
use crate::snap::{self, Snap};
use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use xiangyun_model::geo::LonLat;
use xiangyun_model::problem::Problems;

/// A profile of a network, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProfileId(pub u8);

/// A time band of a network, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BandId(pub u8);

/// A piece of road between two junctions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SegmentId(pub u32);

/// What a network is, for people.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkInfo {
    /// Junctions and other vertices.
    pub vertices: usize,
    /// Pieces of road between vertices.
    pub segments: usize,
    /// Shape points.
    pub shape_points: usize,
    /// States of the turn-aware graph.
    pub states: usize,
    /// Turns between states.
    pub turns: usize,
    /// Arcs of the hierarchy, upward and downward.
    pub hierarchy_arcs: [usize; 2],
    /// Kilometres of road.
    pub km: u64,
    /// Profile names.
    pub profiles: Vec<String>,
    /// Time band names.
    pub bands: Vec<String>,
    /// Sections of the prepared file with their bytes, empty for a network that was just built.
    pub sections: Vec<(String, usize)>,
    /// Bytes of the prepared file, 0 for a network that was just built.
    pub file_bytes: usize,
}

/// What is known of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentInfo {
    /// Class of the road.
    pub class: RoadClass,
    /// Name, Chinese where there is one; empty without.
    pub name: String,
    /// Road number, such as S238; empty without.
    pub reference: String,
    /// Id of the OSM way.
    pub osm_way: i64,
    /// Length in metres.
    pub length_m: f64,
    /// Whether it is part of a roundabout.
    pub roundabout: bool,
    /// Whether it is on a bridge.
    pub bridge: bool,
    /// Its line.
    pub geometry: Vec<LonLat>,
}

/// Small things of the prepared file.
#[derive(Serialize, Deserialize)]
struct Meta {
    profiles: Profiles,
}

/// A metric as readers see it at one moment.
pub(crate) struct Snapshot {
    /// Driving time by arc in milliseconds.
    pub(crate) arc_ms: Column<u32>,
    pub(crate) weights: Weights,
    pub(crate) memo: Memo,
    /// Whether the times are the prepared ones, so that [`Network::needed`] holds.
    pub(crate) prepared: bool,
}

/// A road network with its profiles and time bands.
pub struct Network {
    pub(crate) graph: RoadGraph,
    pub(crate) profiles: Profiles,
    pub(crate) topology: Topology,
    known: Known,
    pub(crate) live: Vec<ArcSwap<Snapshot>>,
    /// One writer at a time, with what it needs.
    pub(crate) desk: Mutex<Desk>,
    /// By metric, one bit an arc that a shortest way may need under the prepared times; empty where not known.
    needed: Vec<Column<u64>>,
    /// Made when a metric is first customized as a whole.
    pub(crate) plan: OnceLock<Plan>,
    store: Option<Store>,
}

impl Network {
    /// Builds a network from an OSM file (`.osm.pbf` or `.osm`). What was wrong in the file and survived is in the
    /// second value.
    ///
    /// # Errors
    /// A file that cannot be read, is broken, or has no road for any profile.
    pub fn build(path: &Path, profiles: &Profiles) -> Result<(Self, Problems), RoadsError> {
        Self::build_like(path, profiles, None)
    }

    /// As [`Network::build`], taking over the order of an earlier build where the topology is the same: the order is
    /// what takes longest.
    ///
    /// # Errors
    /// As [`Network::build`].
    pub fn build_like(
        path: &Path,
        profiles: &Profiles,
        previous: Option<&Self>,
    ) -> Result<(Self, Problems), RoadsError> {
        let bytes = std::fs::read(path).map_err(|e| RoadsError::io(path, e))?;
        Self::build_bytes(path, &bytes, profiles, previous)
    }

    /// As [`Network::build`] with the file's bytes at hand; `path` only names it in messages.
    ///
    /// # Errors
    /// As [`Network::build`].
    pub fn build_from(
        path: &Path,
        bytes: &[u8],
        profiles: &Profiles,
    ) -> Result<(Self, Problems), RoadsError> {
        Self::build_bytes(path, bytes, profiles, None)
    }

    fn build_bytes(
        path: &Path,
        bytes: &[u8],
        profiles: &Profiles,
        previous: Option<&Self>,
    ) -> Result<(Self, Problems), RoadsError> {
        let keep = |tags: &osm::WayTags| {
            (0..profiles.profiles.len())
                .any(|p| (0..profiles.bands.len()).any(|b| profiles.road(p, b, tags).speed != [0, 0]))
        };
        let imported = osm::import(path, bytes, &keep)?;
        let (graph, known, problems) = build::build(imported, profiles, previous.map(|p| &p.known))?;
        let topology = Topology::build(&graph.turn_first, &graph.turn_to);
        let ends: Vec<Ends<'_>> = (0..profiles.metric_count())
            .map(|metric| ends_of(&graph, profiles, metric, &graph.metrics[metric].arc_ms))
            .collect();
        let mut all = vec![vec![0; topology.arc_count()]; ends.len()];
        let mut lanes: Vec<&mut [weight::Weight]> = all.iter_mut().map(|w| &mut w[..]).collect();
        customize::customize_all(&topology, &Plan::new(&topology), &ends, &mut lanes);
        let weights: Vec<Weights> = all.into_iter().map(|w| Weights::new(&topology, w)).collect();
        let needed = weights.iter().map(|w| perfect::needed(&topology, w).into()).collect();
        Ok((Self::new(graph, profiles.clone(), topology, known, (weights, needed), None), problems))
    }

    /// Reads a profile file.
    ///
    /// # Errors
    /// [`RoadsError::BadProfile`] and faults of reading.
    pub fn read_profiles(path: &Path) -> Result<Profiles, RoadsError> {
        let length = std::fs::metadata(path).map_err(|e| RoadsError::io(path, e))?.len();
        if length > PROFILE_BYTES_MAX {
            return Err(RoadsError::TooMuch {
                what: "bytes of a profile file",
                found: length,
                max: PROFILE_BYTES_MAX,
            });
        }
        Profiles::parse(&std::fs::read_to_string(path).map_err(|e| RoadsError::io(path, e))?)
    }

    pub(crate) fn new(
        graph: RoadGraph,
        profiles: Profiles,
        topology: Topology,
        known: Known,
        (weights, needed): (Vec<Weights>, Vec<Column<u64>>),
        store: Option<Store>,
    ) -> Self {
        let desk = Mutex::new(Desk::new(weights.len()));
        let live = weights
            .into_iter()
            .zip(&graph.metrics)
            .map(|(weights, metric)| {
                let memo = Memo::new(topology.arc_count());
                let arc_ms = metric.arc_ms.clone();
                ArcSwap::from_pointee(Snapshot { arc_ms, weights, memo, prepared: true })
            })
            .collect();
        Self { graph, profiles, topology, known, live, desk, needed, plan: OnceLock::new(), store }
    }

    /// Makes the driving times as they are now (learned, slowed, closed) the prepared ones: what [`Network::save`]
    /// writes, [`Network::reopen`] returns to, and [`Network::changed`] compares with.
    pub fn adopt(&mut self) {
        let desk = self.desk.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (metric, live) in self.live.iter().enumerate() {
            if desk.adopt(metric) {
                self.graph.metrics[metric].arc_ms = live.load_full().arc_ms.to_vec().into();
                self.needed[metric] = Column::default();
            }
        }
    }

    /// Writes the prepared file, whole or not at all; closures made since are not part of it.
    ///
    /// # Errors
    /// [`RoadsError::Io`], and [`RoadsError::BadRequest`] while roads are closed.
    pub fn save(&self, path: &Path) -> Result<(), RoadsError> {
        let meta = Meta { profiles: self.profiles.clone() };
        let meta = serde_json::to_vec(&meta).expect("profiles are plain data");
        let names = MetricNames::new(self.profiles.metric_count());
        let weight_names = weight_names(self.profiles.metric_count());
        let snapshots: Vec<Arc<Snapshot>> = self.live.iter().map(ArcSwap::load_full).collect();
        if !self.changed().is_empty() {
            return Err(RoadsError::BadRequest { what: "a network with closures cannot be saved".into() });
        }
        let mut writer = Writer::default();
        writer.blob("meta", &meta);
        self.graph.write(&mut writer, &names);
        writer.column("arc_order", &self.known.arcs);
        self.topology.write(&mut writer);
        for (snapshot, name) in snapshots.iter().zip(&weight_names) {
            writer.column(name, &snapshot.weights.all);
        }
        let needed: Vec<Column<u64>> = snapshots
            .iter()
            .zip(&self.needed)
            .map(|(snapshot, bits)| match bits.is_empty() {
                true => perfect::needed(&self.topology, &snapshot.weights).into(),
                false => bits.clone(),
            })
            .collect();
        for (metric, bits) in needed.iter().enumerate() {
            writer.column(&needed_name(metric), bits);
        }
        writer.write(path, self.known.hash, xxhash_rust::xxh3::xxh3_64(&meta))?;
        Ok(())
    }

    /// Opens a prepared file in place. Header, section table and the tables' lengths are verified;
    /// [`Network::verify`] checks the bodies.
    ///
    /// # Errors
    /// A foreign, truncated, inconsistent file or one of another version.
    pub fn open(path: &Path) -> Result<Self, RoadsError> {
        let store = Store::open(path)?;
        let meta = store.blob("meta")?;
        if meta.len() > META_BYTES_MAX {
            return Err(store.inconsistent("the metadata are too large"));
        }
        if xxhash_rust::xxh3::xxh3_64(meta) != store.profile_hash {
            return Err(store.inconsistent("the profiles are not those that the metrics were made with"));
        }
        let meta: Meta =
            serde_json::from_slice(meta).map_err(|e| store.inconsistent(format!("the metadata: {e}")))?;
        let metrics = meta.profiles.metric_count();
        let graph = RoadGraph::read(&store, metrics)?;
        let topology = Topology::read(&store, graph.state_count())?;
        let known = Known { hash: store.topology_hash, arcs: store.column("arc_order")? };
        let mut weights = Vec::with_capacity(metrics);
        for name in weight_names(metrics) {
            let all = store.column(&name)?;
            if all.len() != topology.arc_count() {
                return Err(store.inconsistent("weights and hierarchy differ in length"));
            }
            weights.push(Weights::new(&topology, all));
        }
        let mut needed = Vec::with_capacity(metrics);
        for metric in 0..metrics {
            let bits = store.column(&needed_name(metric))?;
            if bits.len() != topology.arc_count().div_ceil(64) {
                return Err(store.inconsistent("needed arcs and hierarchy differ in length"));
            }
            needed.push(bits);
        }
        Ok(Self::new(graph, meta.profiles, topology, known, (weights, needed), Some(store)))
    }

    /// Checks every section of the prepared file against its checksum, then that all of its indices lie within what
    /// they point into. Takes about a second for each 500 MB; a daemon does it beside its work.
    ///
    /// # Errors
    /// [`RoadsError::Rotten`] names the first damaged section, [`RoadsError::Inconsistent`] a table that does not fit.
    pub fn verify(&self) -> Result<(), RoadsError> {
        let Some(store) = &self.store else { return Ok(()) };
        store.verify()?;
        let checks = || {
            audit::graph(&self.graph)?;
            audit::topology(&self.topology, &self.graph)?;
            self.live.iter().try_for_each(|live| audit::weights(&live.load().weights.all))
        };
        checks().map_err(|what| store.inconsistent(what))
    }

    /// What the network is, for people.
    #[must_use]
    pub fn info(&self) -> NetworkInfo {
        NetworkInfo {
            vertices: self.graph.vertex.len(),
            segments: self.graph.segment_count(),
            shape_points: self.graph.shape.len(),
            states: self.graph.state_count(),
            turns: self.graph.turn_to.len(),
            hierarchy_arcs: [self.topology.up.other.len(), self.topology.down.other.len()],
            km: self.graph.seg_mm.iter().map(|mm| u64::from(*mm)).sum::<u64>() / 1_000_000,
            profiles: self.profiles.profiles.iter().map(|p| p.name.clone()).collect(),
            bands: self.profiles.bands.iter().map(|b| b.name.clone()).collect(),
            sections: self
                .store
                .iter()
                .flat_map(|s| s.entries().iter().map(|e| (e.name.clone(), e.bytes)))
                .collect(),
            file_bytes: self.store.as_ref().map_or(0, Store::bytes),
        }
    }

    /// The profiles, in the order of their ids.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles.profiles
    }

    /// The time bands, in the order of their ids.
    #[must_use]
    pub fn bands(&self) -> &[Band] {
        &self.profiles.bands
    }

    /// The profile of this name.
    ///
    /// # Errors
    /// [`RoadsError::UnknownProfile`] lists the names there are.
    pub fn profile(&self, name: &str) -> Result<ProfileId, RoadsError> {
        let at = self.profiles.profiles.iter().position(|p| p.name == name);
        #[allow(clippy::cast_possible_truncation)] // at most PROFILES_MAX
        at.map(|i| ProfileId(i as u8)).ok_or_else(|| RoadsError::UnknownProfile {
            name: name.into(),
            have: self.profiles.profiles.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The time band of this name.
    ///
    /// # Errors
    /// [`RoadsError::UnknownBand`] lists the names there are.
    pub fn band(&self, name: &str) -> Result<BandId, RoadsError> {
        let at = self.profiles.bands.iter().position(|b| b.name == name);
        #[allow(clippy::cast_possible_truncation)] // at most BANDS_MAX
        at.map(|i| BandId(i as u8)).ok_or_else(|| RoadsError::UnknownBand {
            name: name.into(),
            have: self.profiles.bands.iter().map(|b| b.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The band of a departure in civil time: the first that holds the moment, or the first of all.
    #[must_use]
    pub fn band_at(&self, departure: jiff::civil::DateTime) -> BandId {
        #[allow(clippy::cast_possible_truncation)] // at most BANDS_MAX
        BandId(self.profiles.bands.iter().position(|b| b.holds(departure)).unwrap_or(0) as u8)
    }

    pub(crate) fn metric(&self, profile: ProfileId, band: BandId) -> Result<usize, RoadsError> {
        let (p, b) = (usize::from(profile.0), usize::from(band.0));
        if p >= self.profiles.profiles.len() {
            return Err(RoadsError::UnknownProfile {
                name: format!("#{p}"),
                have: self.profiles.profiles.len().to_string(),
            });
        }
        if b >= self.profiles.bands.len() {
            return Err(RoadsError::UnknownBand {
                name: format!("#{b}"),
                have: self.profiles.bands.len().to_string(),
            });
        }
        Ok(self.profiles.metric(p, b))
    }

    /// Puts a point on the road: a function of the point and the profile alone.
    ///
    /// # Errors
    /// [`RoadsError::NoRoadNear`] or [`RoadsError::BadPlace`].
    pub fn snap(&self, profile: ProfileId, point: LonLat) -> Result<Snap, RoadsError> {
        self.metric(profile, BandId(0))?;
        Ok(snap::snap(&self.graph, usize::from(profile.0), point)?)
    }

    /// What is known of a segment.
    ///
    /// # Errors
    /// [`RoadsError::UnknownSegment`].
    pub fn segment(&self, segment: SegmentId) -> Result<SegmentInfo, RoadsError> {
        self.check_segment(segment)?;
        let g = &self.graph;
        let way = g.seg_way[segment.0 as usize] as usize;
        let flags = g.way_flags[way];
        Ok(SegmentInfo {
            class: g.class(segment.0),
            name: g.text(g.way_name[way]).to_owned(),
            reference: g.text(g.way_ref[way]).to_owned(),
            osm_way: g.way_osm[way],
            length_m: f64::from(g.seg_mm[segment.0 as usize]) / 1000.0,
            roundabout: flags & crate::graph::flag::ROUNDABOUT != 0,
            bridge: flags & crate::graph::flag::BRIDGE != 0,
            geometry: g.shape_of(segment.0).iter().map(|p| osm::place_of(*p)).collect(),
        })
    }

    /// Segments that lead through a ford: what an operator closes when the water is high.
    #[must_use]
    pub fn fords(&self) -> Vec<SegmentId> {
        let g = &self.graph;
        #[allow(clippy::cast_possible_truncation)] // segments fit u32
        let all = 0..g.segment_count() as u32;
        let ford = |s: &u32| g.way_flags[g.seg_way[*s as usize] as usize] & crate::graph::flag::FORD != 0;
        all.filter(ford).map(SegmentId).collect()
    }

    /// Segments with a piece within `radius_m` of a place or near it, ascending: for drawing a part of the map.
    #[must_use]
    pub fn segments_near(&self, place: LonLat, radius_m: f64) -> Vec<SegmentId> {
        let mut list = Vec::new();
        self.graph.index.within(place, radius_m, |segment| list.push(SegmentId(segment)));
        list.sort_unstable();
        list.dedup();
        list
    }

    pub(crate) fn check_segment(&self, segment: SegmentId) -> Result<(), RoadsError> {
        #[allow(clippy::cast_possible_truncation)] // segments fit u32
        let count = self.graph.segment_count() as u32;
        if segment.0 < count { Ok(()) } else { Err(RoadsError::UnknownSegment { segment: segment.0, count }) }
    }

    pub(crate) fn plan(&self) -> &Plan {
        self.plan.get_or_init(|| Plan::new(&self.topology))
    }

    /// Runs a question on the metric as it stands now; closures made meanwhile do not touch it.
    pub(crate) fn ask<R>(&self, metric: usize, question: impl FnOnce(&Ends<'_>, View<'_>) -> R) -> R {
        let snapshot = self.live[metric].load_full();
        let ends = ends_of(&self.graph, &self.profiles, metric, &snapshot.arc_ms);
        let (up, down) = snapshot.weights.halves();
        let needed = if snapshot.prepared { &self.needed[metric][..] } else { &[] };
        let view = View { topology: &self.topology, up, down, memo: &snapshot.memo, needed };
        question(&ends, view)
    }

    /// The line of one stretch of road.
    ///
    /// # Errors
    /// [`RoadsError::UnknownSegment`].
    pub fn stretch_line(&self, stretch: &Stretch) -> Result<Vec<LonLat>, RoadsError> {
        self.check_segment(stretch.segment)?;
        let shape = self.graph.shape_of(stretch.segment.0);
        let (low, high) = (stretch.from.min(stretch.to), stretch.from.max(stretch.to));
        let shares = shares(shape);
        let at = |share: f64| {
            let i = shares.partition_point(|s| *s < share).clamp(1, shares.len() - 1);
            let (a, b) = (osm::place_of(shape[i - 1]), osm::place_of(shape[i]));
            let span = shares[i] - shares[i - 1];
            let t = if span > 0.0 { ((share - shares[i - 1]) / span).clamp(0.0, 1.0) } else { 0.0 };
            LonLat { lon: a.lon + (b.lon - a.lon) * t, lat: a.lat + (b.lat - a.lat) * t }
        };
        let mut line = vec![at(low)];
        line.extend(
            shape
                .iter()
                .zip(&shares)
                .filter(|(_, s)| **s > low && **s < high)
                .map(|(p, _)| osm::place_of(*p)),
        );
        line.push(at(high));
        if !stretch.forward {
            line.reverse();
        }
        Ok(line)
    }

    /// One cell of a table by plain Dijkstra, for independent checks: seconds and metres, `None` without a way.
    ///
    /// # Errors
    /// Unknown ids and points without a road.
    pub fn plain_cell(
        &self,
        profile: ProfileId,
        band: BandId,
        from: LonLat,
        to: LonLat,
    ) -> Result<Option<(u32, u32)>, RoadsError> {
        let metric = self.metric(profile, band)?;
        let (a, b) = (self.snap(profile, from)?, self.snap(profile, to)?);
        if from == to {
            return Ok(Some((0, 0)));
        }
        Ok(self.ask(metric, |ends, _| {
            dijkstra::shortest(ends, &ends.source(&a), &ends.target(&b)).map(|path| {
                weight::answer(
                    path.weight,
                    ends.entry_ms,
                    a.access_ms() + b.access_ms(),
                    a.access_cm() + b.access_cm(),
                )
            })
        }))
    }

    /// The route through places in the order given. Seconds and metres are the sums of the legs, each the same as in
    /// a matrix.
    ///
    /// # Errors
    /// Unknown ids, fewer than two places, a place without a road, [`RoadsError::Unreachable`].
    pub fn route(&self, profile: ProfileId, band: BandId, places: &[LonLat]) -> Result<Route, RoadsError> {
        let metric = self.metric(profile, band)?;
        if places.len() < 2 {
            return Err(RoadsError::BadRequest { what: "a route needs two places or more".into() });
        }
        if places.len() > ROUTE_POINTS_MAX {
            return Err(RoadsError::TooMuch {
                what: "places of a route",
                found: places.len() as u64,
                max: ROUTE_POINTS_MAX as u64,
            });
        }
        let snaps: Vec<Snap> = places.iter().map(|p| self.snap(profile, *p)).collect::<Result<_, _>>()?;
        let mut route = Route { seconds: 0, metres: 0, legs: Vec::new(), snaps };
        self.ask(metric, |ends, view| {
            for i in 1..places.len() {
                let (a, b) = (&route.snaps[i - 1], &route.snaps[i]);
                if places[i - 1] == places[i] {
                    route.legs.push(Leg {
                        seconds: 0,
                        metres: 0,
                        stretches: Vec::new(),
                        geometry: vec![a.place],
                    });
                    continue;
                }
                let path = tree::shortest(view, ends, &ends.source(a), &ends.target(b))
                    .ok_or(RoadsError::Unreachable { from: i - 1, to: i })?;
                let leg = self.leg_of(ends, &path, a, b);
                route.seconds += leg.seconds;
                route.metres += leg.metres;
                route.legs.push(leg);
            }
            Ok(route)
        })
    }

    /// A path with its roads and its line.
    fn leg_of(&self, ends: &Ends<'_>, path: &dijkstra::Path, a: &Snap, b: &Snap) -> Leg {
        let access = (a.access_ms() + b.access_ms(), a.access_cm() + b.access_cm());
        let (seconds, metres) = weight::answer(path.weight, ends.entry_ms, access.0, access.1);
        let stretches = stretches(&self.graph, &path.states, a, b);
        let geometry = self.line(&stretches, a, b);
        Leg { seconds, metres, stretches, geometry }
    }

    /// A path as a route of one leg.
    pub(crate) fn route_of(&self, ends: &Ends<'_>, path: &dijkstra::Path, a: &Snap, b: &Snap) -> Route {
        let leg = self.leg_of(ends, path, a, b);
        Route { seconds: leg.seconds, metres: leg.metres, legs: vec![leg], snaps: vec![*a, *b] }
    }

    /// The line of stretches, cut at their shares.
    pub(crate) fn line(&self, stretches: &[Stretch], from: &Snap, to: &Snap) -> Vec<LonLat> {
        let mut line = vec![from.place];
        let push = |p: LonLat, line: &mut Vec<LonLat>| {
            if line.last() != Some(&p) {
                line.push(p);
            }
        };
        let last = stretches.len().saturating_sub(1);
        for (i, stretch) in stretches.iter().enumerate() {
            let shape = self.graph.shape_of(stretch.segment.0);
            let shares = shares(shape);
            let (low, high) = (stretch.from.min(stretch.to), stretch.from.max(stretch.to));
            let inside: Vec<LonLat> = shape
                .iter()
                .zip(&shares)
                .filter(|(_, s)| {
                    // Whole segments keep both ends; cut ones end at the snapped places, which are added apart.
                    let from_end = if i == 0 { **s > low || low == 0.0 } else { **s >= low };
                    let to_end = if i == last { **s < high || high == 1.0 } else { **s <= high };
                    from_end && to_end && **s >= low && **s <= high
                })
                .map(|(p, _)| osm::place_of(*p))
                .collect();
            if stretch.forward {
                inside.into_iter().for_each(|p| push(p, &mut line));
            } else {
                inside.into_iter().rev().for_each(|p| push(p, &mut line));
            }
        }
        push(to.place, &mut line);
        line
    }
}

/// A metric's input as questions see it.
pub(crate) fn ends_of<'a>(
    graph: &'a RoadGraph,
    profiles: &Profiles,
    metric: usize,
    arc_ms: &'a [u32],
) -> Ends<'a> {
    let input = &graph.metrics[metric];
    let profile = &profiles.profiles[metric / profiles.bands.len()];
    Ends {
        graph,
        arc_ms,
        turn_ms: &input.turn_ms,
        restricted: &input.restricted,
        entry_ms: u32::from(profile.restricted_entry_s) * 1000,
    }
}

/// Section names of the hierarchy's weights by metric.
fn needed_name(metric: usize) -> String {
    format!("needed.{metric}")
}

fn weight_names(metrics: usize) -> Vec<String> {
    (0..metrics).map(|m| format!("weight.{m}")).collect()
}

/// Shares of a shape's points along its length.
fn shares(shape: &[[i32; 2]]) -> Vec<f64> {
    let mut list = vec![0.0];
    let mut sum = 0.0;
    for pair in shape.windows(2) {
        sum += osm::place_of(pair[0]).metres_to(osm::place_of(pair[1]));
        list.push(sum);
    }
    if sum > 0.0 {
        list.iter_mut().for_each(|s| *s /= sum);
    }
    let last = list.len() - 1;
    list[last] = 1.0;
    list
}

/// States to stretches of road, cut at both ends.
fn stretches(graph: &RoadGraph, states: &[u32], from: &Snap, to: &Snap) -> Vec<Stretch> {
    let last = states.len() - 1;
    states
        .iter()
        .enumerate()
        .map(|(i, state)| {
            let arc = graph.state_arc[*state as usize];
            let forward = arc & 1 == 0;
            let (start, end) = if forward { (0.0, 1.0) } else { (1.0, 0.0) };
            Stretch {
                segment: SegmentId(arc >> 1),
                forward,
                from: if i == 0 { from.share } else { start },
                to: if i == last { to.share } else { end },
            }
        })
        .collect()
}
