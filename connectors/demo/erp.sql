-- The demo company's ERP. bill_date is text, as it came from the system before: a few days in it do not exist.
create table bd_customer (
    cust_no text primary key, cust_name text not null, cust_name_en text, crm_no text, tax_reg_no text, tel text, mail text, country text, ccy text not null,
    created_date date not null
);
create table bd_material (
    item_code text primary key, item_name text not null, item_name_en text not null, item_group text not null, model text not null, list_price numeric not null
);
create table so_contract (
    contract_no text not null, ver_no integer not null, cust_no text not null references bd_customer (cust_no), item_code text not null references bd_material (item_code),
    begin_date date not null, end_date date not null, month_fee numeric not null, ccy text not null, bill_cycle integer not null, state text not null, renew_date date,
    primary key (contract_no, ver_no)
);
create table ar_invoice (
    bill_no text primary key, bill_type text not null, cust_no text not null references bd_customer (cust_no), bill_date text not null, promo_code text
);
create table ar_invoice_line (
    bill_no text not null references ar_invoice (bill_no), line_no integer not null, item_code text not null references bd_material (item_code), qty integer not null,
    amt numeric not null, ccy text not null, fee_type text not null, svc_begin date, svc_end date
);
create table ar_receipt (
    receipt_no text primary key, bill_no text not null references ar_invoice (bill_no), cust_no text not null references bd_customer (cust_no),
    receive_date date not null, amt numeric not null, ccy text not null, state text not null
);
create table bd_exchange_rate (ccy text not null, rate_date date not null, rate numeric not null, primary key (ccy, rate_date));
