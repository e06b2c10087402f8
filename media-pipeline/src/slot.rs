//! A place for one thing, where the newest wins: how pictures pass between threads.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Holds at most one `T`. A reader that is slow misses pictures instead of falling behind.
#[derive(Debug)]
pub struct Slot<T> {
    state: Arc<(Mutex<State<T>>, Condvar)>,
}

#[derive(Debug)]
struct State<T> {
    held: Option<T>,
    closed: bool,
    overwritten: u64,
}

/// What a wait for the slot brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The newest.
    Value(T),
    /// Nothing came in time.
    Nothing,
    /// Nothing will ever come again.
    Closed,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Slot { state: Arc::clone(&self.state) }
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        let state = State { held: None, closed: false, overwritten: 0 };
        Slot { state: Arc::new((Mutex::new(state), Condvar::new())) }
    }
}

impl<T> Slot<T> {
    /// Replaces what is held.
    pub fn put(&self, value: T) {
        let mut state = self.lock();
        if state.held.replace(value).is_some() {
            state.overwritten += 1;
        }
        self.state.1.notify_one();
    }

    /// No more will be put. What is held can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.state.1.notify_all();
    }

    /// How many values were replaced before anybody took them.
    pub fn overwritten(&self) -> u64 {
        self.lock().overwritten
    }

    /// Takes what is held, at once.
    pub fn try_take(&self) -> Option<T> {
        self.lock().held.take()
    }

    /// Waits up to `at_most` for a value.
    pub fn take(&self, at_most: Duration) -> Taken<T> {
        let waiting = |state: &mut State<T>| state.held.is_none() && !state.closed;
        let waited = self.state.1.wait_timeout_while(self.lock(), at_most, waiting);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match state.held.take() {
            Some(value) => Taken::Value(value),
            None if state.closed => Taken::Closed,
            None => Taken::Nothing,
        }
    }

    // A thread that panicked while it held the lock left a whole value or none.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_what_is_left_survives_the_close() {
        let slot = Slot::default();
        slot.put(1);
        slot.put(2);
        slot.close();
        assert_eq!(slot.overwritten(), 1);
        assert_eq!(slot.take(Duration::ZERO), Taken::Value(2));
        assert_eq!(slot.take(Duration::from_secs(60)), Taken::Closed);
    }

    #[test]
    fn a_waiting_reader_is_woken() {
        let slot = Slot::default();
        let reader = std::thread::spawn({
            let slot = slot.clone();
            move || slot.take(Duration::from_secs(60))
        });
        slot.put("picture");
        assert_eq!(reader.join().unwrap(), Taken::Value("picture"));
        assert_eq!(slot.take(Duration::ZERO), Taken::Nothing);
    }
}
