//! Changes while questions are asked.

use crate::town::{corner, town};
use std::sync::atomic::{AtomicBool, Ordering};
use xiangyun_roads::{BandId, Matrix, Network, SegmentId};

fn ask(net: &Network) -> Matrix {
    let van = net.profile("van").expect("built in");
    let places = [corner(0, 0), corner(6, 1), corner(3, 5), corner(1, 6)];
    net.matrix(van, BandId(0), &places).expect("a matrix")
}

/// Readers see the network before a change or after it, whole, and are never made to wait for the writer to finish
/// all of its changes.
#[test]
fn readers_see_whole_states_only() {
    let net = town(7, "");
    let closed: Vec<SegmentId> = (0..4).map(SegmentId).collect();
    let open = ask(&net);
    net.close(&closed).expect("closed");
    let shut = ask(&net);
    net.reopen(&closed).expect("open");
    assert_ne!(open, shut);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = [0u32; 2];
                    while !done.load(Ordering::Relaxed) || seen[0] + seen[1] == 0 {
                        let now = ask(&net);
                        assert!(now == open || now == shut, "a mixture of two states");
                        seen[usize::from(now == shut)] += 1;
                    }
                    seen
                })
            })
            .collect();
        for _ in 0..300 {
            net.close(&closed).expect("closed");
            net.reopen(&closed).expect("open");
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            let seen = reader.join().expect("a reader");
            println!("{} open, {} shut", seen[0], seen[1]);
        }
    });
    assert_eq!(ask(&net), open);
}
