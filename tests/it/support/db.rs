use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
pub struct TestDb(String);
impl TestDb {
    pub async fn new() -> Self {
        let mut admin =
            AsyncPgConnection::establish("postgres://postgres@localhost/postgres?host=/var/tmp/mpg").await.unwrap();
        let name = format!("t_{}", uuid::Uuid::new_v4().simple());
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE t")).await.unwrap();
        Self(name)
    }
    pub async fn connect(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(&format!("postgres://postgres@localhost/{}?host=/var/tmp/mpg", self.0))
            .await
            .unwrap()
    }
}
