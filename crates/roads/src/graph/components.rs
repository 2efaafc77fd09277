//! Strongly connected components of the state graph (Tarjan 1972, without recursion).

/// Component by state; components are numbered in reverse topological order.
#[allow(clippy::cast_possible_truncation)] // states fit u32
pub(crate) fn components(
    count: usize,
    turns: impl Fn(u32) -> std::ops::Range<usize>,
    to: impl Fn(usize) -> Option<u32>,
) -> Vec<u32> {
    const UNSEEN: u32 = u32::MAX;
    let mut number = vec![UNSEEN; count];
    let mut low = vec![0u32; count];
    let mut component = vec![UNSEEN; count];
    let mut stack: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, usize)> = Vec::new();
    let (mut next, mut components) = (0u32, 0u32);
    for root in 0..count as u32 {
        if number[root as usize] != UNSEEN {
            continue;
        }
        path.push((root, turns(root).start));
        number[root as usize] = next;
        low[root as usize] = next;
        next += 1;
        stack.push(root);
        while let Some((v, at)) = path.last_mut() {
            let v = *v;
            if *at < turns(v).end {
                let t = *at;
                *at += 1;
                let Some(w) = to(t) else { continue };
                if number[w as usize] == UNSEEN {
                    number[w as usize] = next;
                    low[w as usize] = next;
                    next += 1;
                    stack.push(w);
                    path.push((w, turns(w).start));
                } else if component[w as usize] == UNSEEN {
                    low[v as usize] = low[v as usize].min(number[w as usize]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low[*parent as usize] = low[*parent as usize].min(low[v as usize]);
            }
            if low[v as usize] == number[v as usize] {
                while let Some(w) = stack.pop() {
                    component[w as usize] = components;
                    if w == v {
                        break;
                    }
                }
                components += 1;
            }
        }
    }
    component
}

/// Members of the largest component; of equals, the one with the lowest state.
pub(crate) fn largest(component: &[u32]) -> Vec<bool> {
    let count = component.iter().max().map_or(0, |m| *m as usize + 1);
    let mut size = vec![0u32; count];
    for &c in component {
        size[c as usize] += 1;
    }
    let best = size.iter().copied().max().unwrap_or(0);
    let winner = component.iter().copied().find(|c| size[*c as usize] == best);
    component.iter().map(|c| Some(*c) == winner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_ring_and_not_its_tails() {
        // 0 → 1 → 2 → 0 is a ring; 3 leads in, 4 is led out.
        let first = [0, 1, 2, 4, 5, 5];
        let to = [1u32, 2, 0, 4, 0];
        let c = components(5, |v| first[v as usize]..first[v as usize + 1], |t| Some(to[t]));
        assert_eq!(largest(&c), [true, true, true, false, false]);
    }
}
