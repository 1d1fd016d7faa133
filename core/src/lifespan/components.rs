//! The components of a description, found by their names.

use std::collections::HashMap;

use super::component::Component;
use super::start_error::StartError;
use crate::task::Name;

/// Components in the order of their registration.
pub(super) struct Components<L> {
    list: Vec<Component<L>>,
    places: HashMap<Name, usize>,
}

impl<L> Default for Components<L> {
    fn default() -> Self {
        Self { list: Vec::new(), places: HashMap::new() }
    }
}

impl<L> Components<L> {
    /// Adds a component of a new name.
    pub(super) fn add(&mut self, mut component: Component<L>) -> Result<(), StartError> {
        if let Some(error) = component.refused.take() {
            return Err(error);
        }
        let name = component.name.clone();
        if self.place(&name).is_some() {
            return Err(StartError::NameTaken { name });
        }
        self.places.insert(name, self.list.len());
        self.list.push(component);
        Ok(())
    }

    /// Describes more of the component of this name, which is made where the name is new.
    pub(super) fn extend(
        &mut self,
        name: Name,
        describe: impl FnOnce(Component<L>) -> Component<L>,
    ) -> Result<(), StartError> {
        let Some(place) = self.place(&name) else {
            return self.add(describe(Component::new(name)));
        };
        let so_far = std::mem::replace(&mut self.list[place], Component::new(name));
        self.list[place] = describe(so_far);
        self.list[place].refused.take().map_or(Ok(()), Err)
    }

    /// Where the component of this name stands.
    pub(super) fn place(&self, name: &Name) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Component<L>> {
        self.list.iter()
    }

    pub(super) fn into_list(self) -> Vec<Component<L>> {
        self.list
    }
}
