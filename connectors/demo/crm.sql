-- The demo company's CRM. Times are local (Asia/Shanghai).
create table crm_user (
    uid text primary key, user_name text not null, email text, dept_name text, manager_uid text references crm_user (uid), enabled integer not null
);
create table crm_account (
    acct_no text primary key, acct_name text not null, acct_name_en text, acct_type text not null, industry text, region text, country text, city text,
    staff_band text, lead_channel text, owner_uid text references crm_user (uid), grade_code text, signed_time datetime, first_contact_date date,
    lost_date date, tax_no text, main_email text, main_tel text, tags text, modified_time datetime not null
);
create table crm_account_owner_log (
    log_id integer primary key, acct_no text not null references crm_account (acct_no), uid text not null references crm_user (uid), from_time datetime not null, to_time datetime
);
create table crm_contact (
    contact_no text primary key, acct_no text not null references crm_account (acct_no), full_name text not null, email text, mobile text, role_name text
);
create table crm_campaign (
    camp_no text primary key, camp_name text not null, begin_date date not null, end_date date not null, actual_cost numeric not null, ccy text not null
);
create table crm_lead (
    lead_no text primary key, acct_no text references crm_account (acct_no), uid text references crm_user (uid), channel text,
    camp_no text references crm_campaign (camp_no), create_time datetime not null, state text not null
);
create table crm_opportunity (
    opp_no text primary key, acct_no text references crm_account (acct_no), lead_no text references crm_lead (lead_no), uid text references crm_user (uid),
    create_time datetime not null, stage_code text not null, outcome text not null, close_time datetime, amt numeric, ccy text, lost_reason text, item_code text,
    modified_time datetime not null
);
create table crm_opp_stage_log (
    log_id integer primary key, opp_no text not null references crm_opportunity (opp_no), stage_code text not null, enter_time datetime not null, leave_time datetime
);
create table crm_activity (
    activity_no text primary key, acct_no text not null references crm_account (acct_no), uid text references crm_user (uid), channel text not null,
    direction text not null, purpose text, result text, act_time datetime not null, next_step text, due_time datetime, done_time datetime
);
create table crm_case (
    case_no text primary key, acct_no text not null references crm_account (acct_no), kind text not null, open_time datetime not null, respond_time datetime,
    assign_time datetime, solve_time datetime, reopen_cnt integer not null, plan_time datetime, priority text, channel text
);
create table portal_usage (
    acct_no text not null references crm_account (acct_no), feature text not null, stat_date date not null, events integer not null, users integer not null,
    primary key (acct_no, feature, stat_date)
);
create table crm_feature_log (
    uid text not null references crm_user (uid), feature text not null, week_date date not null, clicks integer not null,
    primary key (uid, feature, week_date)
);
