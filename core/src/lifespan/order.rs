//! In which order components may start: registration order among those that wait for nobody.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::component::Component;
use super::components::Components;
use super::start_error::StartError;
use crate::task::Name;

/// Hands out components, each when all that it comes after have started.
pub(super) struct Order {
    /// Those that wait for nobody, the one registered first on top.
    free: BinaryHeap<Reverse<usize>>,
    /// Of each component, how many it still waits for.
    waits_for: Vec<usize>,
    /// Of each component, who comes after it.
    followers: Vec<Vec<usize>>,
}

impl Order {
    /// Refuses what could not start: a name that nobody has, a circle.
    pub(super) fn of<L>(components: &Components<L>) -> Result<Self, StartError> {
        let after = resolve(components)?;
        let mut followers = vec![Vec::new(); after.len()];
        for (index, after) in after.iter().enumerate() {
            for before in after {
                followers[*before].push(index);
            }
        }
        let waits_for = after.iter().map(Vec::len).collect::<Vec<_>>();
        if let Some(left) = left_over(&followers, waits_for.clone()) {
            let names = components.iter().map(|component| &component.name).collect::<Vec<_>>();
            let members = circle(&after, &left).into_iter();
            let members = members.map(|index| names[index].clone()).collect();
            return Err(StartError::Cycle { members });
        }
        Ok(Self { free: free(&waits_for).map(Reverse).collect(), waits_for, followers })
    }

    /// Takes the next one that may start now.
    pub(super) fn next(&mut self) -> Option<usize> {
        self.free.pop().map(|Reverse(index)| index)
    }

    /// Tells that a component has started: those that waited for no other are free.
    pub(super) fn started(&mut self, index: usize) {
        for &follower in &self.followers[index] {
            self.waits_for[follower] -= 1;
            if self.waits_for[follower] == 0 {
                self.free.push(Reverse(follower));
            }
        }
    }
}

fn free(waits_for: &[usize]) -> impl Iterator<Item = usize> {
    waits_for.iter().enumerate().filter(|&(_, &count)| count == 0).map(|(index, _)| index)
}

/// Of each component, which it comes after.
fn resolve<L>(components: &Components<L>) -> Result<Vec<Vec<usize>>, StartError> {
    let place = |component: &Component<L>, after: &Name| {
        components.place(after).ok_or_else(|| StartError::UnknownComponent {
            component: component.name.clone(),
            after: after.clone(),
        })
    };
    let of = |component: &Component<L>| {
        component.after.iter().map(|after| place(component, after)).collect()
    };
    components.iter().map(of).collect()
}

/// Tells which components would never be free, if there are any.
fn left_over(followers: &[Vec<usize>], mut waits_for: Vec<usize>) -> Option<Vec<bool>> {
    let mut placed = free(&waits_for).collect::<Vec<_>>();
    let mut next = 0;
    while let Some(&index) = placed.get(next) {
        next += 1;
        for &follower in &followers[index] {
            waits_for[follower] -= 1;
            if waits_for[follower] == 0 {
                placed.push(follower);
            }
        }
    }
    (placed.len() < followers.len()).then(|| waits_for.iter().map(|&count| count > 0).collect())
}

/// Walks from one that is left over to one that it comes after, until it is somewhere again: each
/// that is left over comes after another one that is.
fn circle(after: &[Vec<usize>], is_left: &[bool]) -> Vec<usize> {
    let mut seen = vec![None; after.len()];
    let mut path = Vec::new();
    let mut at = is_left.iter().position(|&left| left);
    while let Some(index) = at {
        if let Some(first) = seen[index] {
            path.drain(..first);
            break;
        }
        seen[index] = Some(path.len());
        path.push(index);
        at = after[index].iter().copied().find(|&before| is_left[before]);
    }
    // The one registered first leads, so that one circle has one name.
    let lead = (0..path.len()).min_by_key(|&place| path[place]).unwrap_or(0);
    path.rotate_left(lead);
    path
}
