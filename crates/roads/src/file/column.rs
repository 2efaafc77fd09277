//! An array that is either ours or lies in a mapped file; readers see a slice.

use memmap2::Mmap;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// A read-only array.
#[derive(Clone, Debug)]
pub(crate) struct Column<T> {
    place: Place<T>,
}

#[derive(Clone, Debug)]
enum Place<T> {
    Owned(Arc<Vec<T>>),
    Mapped { map: Arc<Mmap>, offset: usize, bytes: usize, kind: PhantomData<T> },
}

impl<T: bytemuck::Pod> Column<T> {
    /// `count` elements at a byte offset; the caller has checked that they lie inside the map.
    pub(super) fn mapped(map: Arc<Mmap>, offset: usize, count: usize) -> Self {
        let bytes = count * size_of::<T>();
        Self { place: Place::Mapped { map, offset, bytes, kind: PhantomData } }
    }
}

impl<T> Column<T> {
    /// The values themselves, if they are ours and nobody else holds them.
    pub(crate) fn into_owned(self) -> Option<Vec<T>> {
        match self.place {
            Place::Owned(values) => Arc::try_unwrap(values).ok(),
            Place::Mapped { .. } => None,
        }
    }
}

impl<T> From<Vec<T>> for Column<T> {
    fn from(values: Vec<T>) -> Self {
        Self { place: Place::Owned(Arc::new(values)) }
    }
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T: bytemuck::Pod> Deref for Column<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.place {
            Place::Owned(values) => values,
            // Sections are 64-byte aligned in a page-aligned map, so the cast always holds.
            Place::Mapped { map, offset, bytes, .. } => bytemuck::cast_slice(&map[*offset..*offset + *bytes]),
        }
    }
}
