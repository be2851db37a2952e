//! Lists of any length, written as they are found: none is held in memory.

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use ovpack::Error;
use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use crate::failure::Failure;

/// A list that an act of the store tells one by one. It is told once: to people or as JSON.
pub(crate) struct Streamed<T, F> {
    act: RefCell<Option<F>>,
    failed: RefCell<Option<Error>>,
    each: PhantomData<T>,
}

impl<T, F> Streamed<T, F>
where
    F: FnOnce(&mut dyn FnMut(T) -> ControlFlow<()>) -> Result<(), Error>,
{
    /// Makes the list that `act` tells.
    pub(crate) const fn new(act: F) -> Self {
        Self {
            act: RefCell::new(Some(act)),
            failed: RefCell::new(None),
            each: PhantomData,
        }
    }

    /// Writes each of the list for people.
    pub(crate) fn write(&self, mut each: impl FnMut(T) -> io::Result<()>) -> io::Result<()> {
        self.visit(&mut each, || io::Error::other("the list was cut short"))
    }

    /// Tells why the list, or its output, failed.
    pub(crate) fn failure(&self, failure: Failure) -> Failure {
        match self.failed.take() {
            Some(error) => error.into(),
            None => failure,
        }
    }

    fn visit<E>(
        &self,
        each: &mut dyn FnMut(T) -> Result<(), E>,
        cut_short: impl FnOnce() -> E,
    ) -> Result<(), E> {
        let Some(act) = self.act.take() else {
            return Ok(());
        };
        let mut result = Ok(());
        let told = act(&mut |item| match each(item) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                result = Err(error);
                ControlFlow::Break(())
            }
        });
        if let Err(error) = told {
            self.failed.replace(Some(error));
            return Err(cut_short());
        }
        result
    }
}

impl<T, F> Serialize for Streamed<T, F>
where
    T: Serialize,
    F: FnOnce(&mut dyn FnMut(T) -> ControlFlow<()>) -> Result<(), Error>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        self.visit(&mut |item| list.serialize_element(&item), || {
            S::Error::custom("the list was cut short")
        })?;
        list.end()
    }
}
