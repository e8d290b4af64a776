mod store_messages;
mod support;
