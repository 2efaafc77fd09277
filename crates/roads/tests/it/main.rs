//! The road engine from outside, on maps of our own making.

mod corpus;
mod guide;
mod hostile;
mod learned;
mod live;
mod places;
mod small;
mod town;
