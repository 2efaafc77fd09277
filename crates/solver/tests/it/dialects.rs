//! Files as forty years of writers made them: every one reads as what it means, or is refused by name.

use xiangyun_solver::check::public::check;
use xiangyun_solver::io::convention::{Convention, Kind};
use xiangyun_solver::io::instance::{Fleet, Instance};
use xiangyun_solver::io::{pose, read_instance};
use xiangyun_solver::{Budget, Locks, StepsOnly, solve};

fn read(text: &str) -> Instance {
    read_instance(text, "a.vrp", None).unwrap_or_else(|p| panic!("{:?}\n{text}", p.list()))
}

fn codes(text: &str) -> Vec<(&'static str, String)> {
    let problems = read_instance(text, "a.vrp", None).expect_err("it is wrong");
    problems.list().iter().map(|p| (p.code, p.column.clone())).collect()
}

/// Solves and checks; gives cost and vehicles.
fn solved(instance: &Instance) -> (f64, usize) {
    let convention = instance.default_convention();
    let posed = pose::pose(instance, convention).unwrap_or_else(|p| panic!("{:?}", p.list()));
    let outcome = solve(&posed.problem, None, &Locks::none(), &Budget::steps(300), &StepsOnly);
    let report = check(instance, &posed.routes(&outcome.solution), convention);
    assert!(report.ok, "{report:?}");
    (report.cost, report.vehicles)
}

const PLAIN: &str = "NAME: a\nTYPE: CVRP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_2D\nCAPACITY: 10\nNODE_COORD_SECTION\n\
    1 0 0\n2 3 4\n3 6 8\n4 -3 4\nDEMAND_SECTION\n1 0\n2 4\n3 4\n4 4\nDEPOT_SECTION\n1\n-1\nEOF\n";

#[test]
fn white_space_case_comments_and_signs_do_not_matter() {
    let plain = read(PLAIN);
    let variants = [
        PLAIN.replace('\n', "\r\n"),
        PLAIN.replace(": ", "\t:\t ").replace(' ', "  \t"),
        PLAIN.replace(": ", " "),
        PLAIN.replace(": ", " = "),
        PLAIN.to_lowercase(),
        format!("\u{feff}# a remark\n\n{PLAIN}and more that nobody reads"),
        PLAIN.replace("-1\nEOF", "-1\n18446744073709551615 7\nEOF"),
        PLAIN.replace("TYPE: CVRP", "COMMENT: (one\nmore: of it)\nCOMMENT: two\nTYPE: CVRP\nBEST_KNOWN: 30"),
        PLAIN.replace("DEMAND_SECTION", "DEMAND_SECTION:"),
        PLAIN.replace("TYPE: CVRP\n", ""),
        PLAIN.replace("EDGE_WEIGHT_TYPE: EUC_2D\n", ""),
        PLAIN.replace("EOF\n", "").replace("-1\n", ""),
        PLAIN.replace("1 0 0\n2 3 4", "1 0.0 0e0\n2 3.000 +4"),
        PLAIN.replace("\n-1\n", " -1\n"),
    ];
    for text in variants {
        let mut instance = read(&text);
        instance.name.clone_from(&plain.name);
        assert_eq!(instance, plain, "{text}");
    }
    // Counted from 0.
    let zero = "DIMENSION: 3\nCAPACITY: 9\nNODE_COORD_SECTION\n0 0 0\n1 3 4\n2 6 8\nDEMAND_SECTION\n0 0\n1 1\n2 1\nDEPOT_SECTION\n0\n-1\n";
    assert_eq!(solved(&read(zero)), (20.0, 1));
}

fn explicit(format: &str, cells: &str) -> String {
    format!(
        "NAME: m\nTYPE: CVRP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EXPLICIT\n{format}CAPACITY: 9\nEDGE_WEIGHT_SECTION\n{cells}\n\
         DEMAND_SECTION\n1 0\n2 1\n3 1\nDEPOT_SECTION\n1\n-1\n"
    )
}

#[test]
fn every_layout_of_a_matrix_reads() {
    // 1-2: 5, 1-3: 7, 2-3: 4, in every order of writing.
    for (format, cells) in [
        ("FULL_MATRIX", "0 5 7\n5 0 4\n7 4 0"),
        ("FULL_MATRIX", "99999999 5 7 5\n99999999 4 7 4 99999999"),
        ("LOWER_ROW", "5\n7 4"),
        ("LOWER_DIAG_ROW", "0\n5 0\n7 4 0"),
        ("UPPER_ROW", "5 7\n4"),
        ("UPPER_DIAG_ROW", "0 5 7 0 4 0"),
        ("LOWER_COL", "5 7\n4"),
        ("LOWER_DIAG_COL", "0 5 7\n0 4\n0"),
        ("UPPER_COL", "5\n7 4"),
        ("UPPER_DIAG_COL", "0\n5 0\n7 4 0"),
        ("", "5\n7 4"),
        ("", "0 5 7\n5 0 4\n7 4 0"),
    ] {
        let line = if format.is_empty() { String::new() } else { format!("EDGE_WEIGHT_FORMAT: {format}\n") };
        let instance = read(&explicit(&line, cells));
        let arcs = [(0, 1), (0, 2), (1, 2), (2, 1)].map(|(i, j)| instance.distance(i, j, Convention::Round));
        assert_eq!(arcs, [5.0, 7.0, 4.0, 4.0], "{format} {cells}");
        assert_eq!(solved(&instance), (16.0, 1));
    }
    assert_eq!(codes(&explicit("EDGE_WEIGHT_FORMAT: LOWER_ROW\n", "5 7"))[0].0, "V532");
    assert_eq!(codes(&explicit("EDGE_WEIGHT_FORMAT: LOWER_ROW\n", "5 7 4 9"))[0].0, "V532");
    assert_eq!(codes(&explicit("EDGE_WEIGHT_FORMAT: SOME_ROW\n", "5 7 4"))[0].0, "V535");
}

#[test]
fn metrics_of_tsplib_measure_as_it_says() {
    let with = |metric: &str| read(&PLAIN.replace("EUC_2D", metric));
    let arcs = |metric: &str| {
        let instance = with(metric);
        [(0, 1), (1, 2), (1, 3)].map(|(i, j)| instance.distance(i, j, Convention::Round))
    };
    assert_eq!(arcs("EXACT_2D"), [5.0, 5.0, 6.0]);
    assert_eq!(arcs("MAN_2D"), [7.0, 7.0, 6.0]);
    assert_eq!(arcs("MAX_2D"), [4.0, 4.0, 6.0]);
    assert_eq!(arcs("ATT"), [2.0, 2.0, 2.0]); // 5, 5 and 6 over the root of ten, up
    let text = PLAIN.replace("3 6 8", "3 5 5");
    let up = read(&text.replace("EUC_2D", "CEIL_2D"));
    let down = read(&text.replace("EUC_2D", "FLOOR_2D"));
    let between = |i: &Instance| i.distance(1, 2, Convention::Round);
    assert_eq!((between(&up), between(&down)), (3.0, 2.0));
    for metric in ["CEIL_2D", "FLOOR_2D", "ATT", "MAN_2D", "MAX_2D"] {
        solved(&with(metric));
    }
    assert_eq!(codes(&PLAIN.replace("EUC_2D", "XRAY1"))[0].0, "V535");
}

/// The journey of Ulysses (Grötschel and Padberg), whose shortest tour of 6,859 km is proved.
#[test]
fn the_globe_is_measured_as_by_tsplib() {
    let points = "38.24 20.42,39.57 26.15,40.56 25.32,36.26 23.12,33.48 10.54,37.56 12.19,38.42 13.11,37.52 20.44,\
        41.23 9.10,41.17 13.05,36.08 -5.21,38.47 15.13,38.15 15.35,37.51 15.17,35.49 14.32,39.36 19.56";
    let mut text = String::from(
        "NAME: ulysses16\nDIMENSION: 16\nCAPACITY: 16\nEDGE_WEIGHT_TYPE: GEO\nNODE_COORD_SECTION\n",
    );
    for (at, point) in points.split(',').enumerate() {
        text.push_str(&format!("{} {point}\n", at + 1));
    }
    text.push_str("DEMAND_SECTION\n");
    for at in 1..=16 {
        text.push_str(&format!("{at} {}\n", usize::from(at > 1)));
    }
    let instance = read(&text);
    let tour = [14, 13, 12, 7, 6, 15, 5, 11, 9, 10, 16, 3, 2, 4, 8].map(|id| id - 1);
    let report = check(&instance, &[tour.to_vec()], Convention::Round);
    assert!(report.ok);
    assert_eq!(report.cost, 6859.0);
    assert_eq!(solved(&instance), (6859.0, 1));
}

#[test]
fn kinds_are_told_by_what_the_file_has() {
    let windows = "TIME_WINDOW_SECTION\n1 0 100\n2 0 50\n3 0 50\n4 0 2147483647\nSERVICE_TIME: 2\n";
    let and = |more: &str| PLAIN.replace("DEPOT_SECTION", &format!("{more}DEPOT_SECTION"));
    let kind = |text: &str| read(text).kind;
    assert_eq!(kind(&and(windows)), Kind::Vrptw);
    assert_eq!(read(&and(windows)).nodes[2].service, 2.0);
    assert_eq!(read(&and(windows)).nodes[3].due, f64::INFINITY);
    assert_eq!(
        kind(&and("BACKHAUL_SECTION\n1 0\n2 1\n3 0\n4 2\n").replace("TYPE: CVRP\n", "")),
        Kind::Vrpspd
    );
    assert_eq!(kind(&and(&format!("{windows}PRIZE_SECTION\n1 0\n2 5\n3 0\n4 9\n"))), Kind::Pcvrptw);
    let prizes = read(&and(&format!("{windows}PRIZE_SECTION\n1 0\n2 5\n3 0\n4 9\n")));
    assert_eq!((prizes.nodes[1].prize, prizes.nodes[2].prize), (5.0, f64::INFINITY));
    assert_eq!(kind(&and("CAPACITY_SECTION\n1 9\n2 12\n")), Kind::Hfvrp);
    let depots = PLAIN.replace(
        "DEPOT_SECTION\n1\n",
        "VEHICLES: 2\nVEHICLES_DEPOT_SECTION\n1 1\n2 2\nDEPOT_SECTION\n1\n2\n",
    );
    assert_eq!(kind(&depots), Kind::Mdvrptw);
    let trips = and(&format!("{windows}VEHICLES_RELOAD_DEPOT_SECTION\n1 1\nVEHICLES_MAX_RELOADS: 1\n"));
    let instance = read(&trips.replace("CAPACITY: 10", "CAPACITY: 5"));
    assert_eq!(instance.kind, Kind::Mtvrptwr);
    assert!(
        !check(&instance, &[vec![1, 0, 2, 0, 3]], Convention::Dimacs).ok,
        "two reloads where one is allowed"
    );
}

#[test]
fn vehicles_limits_and_allowed_customers_bind() {
    let fleet = "VEHICLES: 2\nCAPACITY_SECTION\n1 8\n2 8\nVEHICLES_UNIT_DISTANCE_COST: 100\nVEHICLES_FIXED_COST_SECTION\n1 500\n2 700\n\
        VEHICLES_ALLOWED_CLIENTS_SECTION\n1 2 3\n2 3 4\nVEHICLES_MAX_DISTANCE_SECTION\n1 30\n2 9223372036854775807\n";
    let instance = read(&PLAIN.replace("DEPOT_SECTION", &format!("{fleet}DEPOT_SECTION")));
    let Fleet::Listed(list) = &instance.fleet else { panic!("{:?}", instance.fleet) };
    assert_eq!((list[0].distance_max, list[1].distance_max), (30.0, f64::INFINITY));
    // Customer 1 rides on the first vehicle alone, customer 3 on the second, customer 2 on either.
    assert_eq!(solved(&instance), (20.0 + 10.0 + 12.0, 2));
    let codes = |routes: &[Vec<usize>]| -> Vec<&str> {
        check(&instance, routes, Convention::Exact).violations.iter().map(|v| v.code).collect()
    };
    assert_eq!(codes(&[vec![1, 2], vec![3]]), Vec::<&str>::new());
    assert_eq!(codes(&[vec![3, 2], vec![1]]), ["allowed", "allowed"]);
}

#[test]
fn paired_transports_read_from_vrplib_too() {
    let text = "NAME: p\nTYPE: PDPTW\nDIMENSION: 5\nVEHICLES: 2\nCAPACITY: 10\nEDGE_WEIGHT_TYPE: EXACT_2D\nNODE_COORD_SECTION\n\
        1 0 0\n2 0 3\n3 0 6\n4 4 0\n5 8 0\nPICKUP_AND_DELIVERY_SECTION\n1 0 0 100 0 0 0\n2 7 0 50 1 0 2\n3 -7 0 50 1 1 0\n\
        4 7 0 50 1 0 4\n5 -7 0 50 1 3 0\nDEPOT_SECTION\n1\n-1\nEOF\n";
    let instance = read(text);
    assert_eq!(instance.kind, Kind::Pdptw);
    assert_eq!(read(&text.replace("TYPE: PDPTW\n", "")).kind, Kind::Pdptw);
    let (cost, vehicles) = solved(&instance);
    assert!((cost - (18.0 + 52.0_f64.sqrt())).abs() < 1e-6 && vehicles == 1, "{cost}");
    let codes_of = |route: &[usize]| {
        check(&instance, &[route.to_vec()], Convention::Hierarchical)
            .violations
            .iter()
            .map(|v| v.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(codes_of(&[1, 3, 2, 4]), ["capacity"]);
    assert_eq!(codes_of(&[2, 1, 3, 4]), ["precedence"]);
    assert_eq!(codes_of(&[3, 4, 1]), ["pair", "missing"]);
    assert_eq!(codes(&text.replace("3 -7 0 50 1 1 0", "3 -6 0 50 1 1 0"))[0].0, "V534");
}

#[test]
fn what_is_not_modelled_is_refused_by_name() {
    let and = |more: &str| PLAIN.replace("DEPOT_SECTION", &format!("{more}DEPOT_SECTION"));
    let found = codes(&and("MUTUALLY_EXCLUSIVE_GROUP_SECTION\n1 2 3\n"));
    assert_eq!(found, [("V535", "MUTUALLY_EXCLUSIVE_GROUP_SECTION".to_owned())]);
    assert_eq!(codes(&PLAIN.replace("2 4\n", "2 4 3\n"))[0].0, "V535");
    assert_eq!(codes(&PLAIN.replace("TYPE: CVRP", "TYPE: TSPXY"))[0].0, "V535");
}

#[test]
fn other_texts_read_through_odd_white_space_too() {
    let solomon = "odd\r\n\r\nvehicle\r\nnumber  capacity\r\n 2\t10\r\n\r\ncustomer\r\ncust no. xcoord.\r\n\r\n 0 0 0 0 0 100 0\r\n\
        1\t3 4 6 0 50 1\r\n 2 6 8 6 0 50 1\r\n\r\n";
    let instance = read(solomon);
    assert_eq!((instance.kind, instance.name.as_str()), (Kind::Vrptw, "odd"));
    assert_eq!(solved(&instance), (30.0, 2));
    let lilim = " 2 10 1\r\n0 0 0 0 0 100 0 0 0\r\n1 0 3 5 0 50 1 0 2\r\n2\t0 6 -5 0 50 1 1 0\r\n";
    assert_eq!(solved(&read(lilim)), (12.0, 1));
}
