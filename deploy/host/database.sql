-- The panel's database, and the SQL user of the panel. It may do everything in there, for it creates tables,
-- triggers and functions, and nothing elsewhere. The daemons' users: deploy/mariadb/grants.sql.
CREATE DATABASE IF NOT EXISTS `@DB_NAME@` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER IF NOT EXISTS 'mailadmin'@'localhost' IDENTIFIED BY '@PANEL_SQL_PASSWORD@';
ALTER USER 'mailadmin'@'localhost' IDENTIFIED BY '@PANEL_SQL_PASSWORD@';
GRANT ALL ON `@DB_NAME@`.* TO 'mailadmin'@'localhost';
