DROP TABLE instances;
DROP TABLE exchanges;
DROP TABLE exchange_turns;
