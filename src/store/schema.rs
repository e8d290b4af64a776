// @generated automatically by Diesel CLI.

diesel::table! {
    answer_usage (message_id) {
        message_id -> Uuid,
        conversation_id -> Uuid,
        input_tokens -> Int8,
        output_tokens -> Int8,
    }
}

diesel::table! {
    answers (conversation_id) {
        conversation_id -> Uuid,
        id -> Uuid,
        project_id -> Uuid,
        chatbot_id -> Uuid,
        asker_id -> Nullable<Uuid>,
        turn -> Int8,
        llm -> Text,
        holder -> Uuid,
        held_until -> Timestamptz,
        body -> Text,
        input_characters -> Int8,
        stopped -> Bool,
        begun_at -> Timestamptz,
    }
}

diesel::table! {
    app_invitations (conversation_id, seq) {
        conversation_id -> Uuid,
        seq -> Int8,
        app_id -> Uuid,
        number -> Int8,
        callback_url -> Nullable<Text>,
    }
}

diesel::table! {
    apps (id) {
        id -> Uuid,
        project_id -> Uuid,
        name -> Text,
        key_hash -> Bytea,
        created_at -> Timestamptz,
        callback_secret -> Nullable<Text>,
        user_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    attachments (conversation_id, seq, position) {
        conversation_id -> Uuid,
        seq -> Int8,
        position -> Int4,
        media_id -> Uuid,
    }
}

diesel::table! {
    callbacks (id) {
        id -> Uuid,
        app_id -> Uuid,
        conversation_id -> Uuid,
        seq -> Int8,
        number -> Int8,
        url -> Text,
        target -> Text,
        body -> Text,
        created_at -> Timestamptz,
        attempts -> Int4,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    chatbot_attachments (chatbot_id, media_id) {
        chatbot_id -> Uuid,
        media_id -> Uuid,
        position -> Int4,
        comment -> Text,
    }
}

diesel::table! {
    chatbot_passages (chatbot_id, media_id, position) {
        chatbot_id -> Uuid,
        media_id -> Uuid,
        position -> Int4,
        body -> Text,
    }
}

diesel::table! {
    chatbots (id) {
        id -> Uuid,
        project_id -> Uuid,
        name -> Text,
        llm -> Text,
        prompt -> Text,
        key_hash -> Nullable<Bytea>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    contacts (user_id, peer_id) {
        user_id -> Uuid,
        peer_id -> Uuid,
        relation -> Text,
        blocked -> Bool,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    conversations (id) {
        id -> Uuid,
        project_id -> Uuid,
        kind -> Text,
        name -> Nullable<Text>,
        title -> Nullable<Text>,
        mode -> Text,
        chatbot_id -> Nullable<Uuid>,
        pair_low -> Nullable<Uuid>,
        pair_high -> Nullable<Uuid>,
        last_seq -> Int8,
        version -> Int8,
        member_count -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        active_at -> Timestamptz,
        turn -> Int8,
        answered_seq -> Int8,
    }
}

diesel::table! {
    exchange_turns (conversation_id) {
        conversation_id -> Uuid,
        holder -> Uuid,
        held_until -> Timestamptz,
    }
}

diesel::table! {
    exchanges (conversation_id, seq) {
        conversation_id -> Uuid,
        seq -> Int8,
        files -> Jsonb,
    }
}

diesel::table! {
    game_answers (conversation_id, seq, user_id) {
        conversation_id -> Uuid,
        seq -> Int8,
        user_id -> Uuid,
        accepted -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    games (conversation_id, seq) {
        conversation_id -> Uuid,
        seq -> Int8,
        name -> Text,
        payload -> Jsonb,
        capacity -> Int4,
        state -> Text,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    idempotency (caller, path, key) {
        caller -> Text,
        path -> Text,
        key -> Text,
        digest -> Bytea,
        status -> Nullable<Int2>,
        content_type -> Nullable<Text>,
        location -> Nullable<Text>,
        answer -> Nullable<Bytea>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    identities (project_id, issuer, subject) {
        project_id -> Uuid,
        issuer -> Text,
        subject -> Text,
        user_id -> Uuid,
    }
}

diesel::table! {
    instances (conversation_id) {
        conversation_id -> Uuid,
        chatbot_id -> Uuid,
    }
}

diesel::table! {
    issuers (project_id) {
        project_id -> Uuid,
        issuer -> Text,
        audience -> Text,
        jwks -> Text,
        create_users -> Bool,
    }
}

diesel::table! {
    media (id) {
        id -> Uuid,
        project_id -> Uuid,
        owner_id -> Nullable<Uuid>,
        name -> Text,
        mime -> Text,
        size -> Int8,
        width -> Nullable<Int4>,
        height -> Nullable<Int4>,
        created_at -> Timestamptz,
        of_project -> Bool,
        arrived -> Bool,
        thumbnail -> Nullable<Bool>,
    }
}

diesel::table! {
    members (conversation_id, user_id) {
        conversation_id -> Uuid,
        user_id -> Uuid,
        permission -> Text,
        joined_at -> Timestamptz,
        delivered_seq -> Int8,
        read_seq -> Int8,
        told_delivered_seq -> Int8,
        told_read_seq -> Int8,
    }
}

diesel::table! {
    messages (conversation_id, seq) {
        conversation_id -> Uuid,
        seq -> Int8,
        project_id -> Uuid,
        id -> Uuid,
        author_id -> Nullable<Uuid>,
        chatbot_id -> Nullable<Uuid>,
        kind -> Text,
        role -> Text,
        body -> Text,
        reply_to -> Nullable<Uuid>,
        tone -> Nullable<Text>,
        digest -> Bytea,
        created_at -> Timestamptz,
        edited_at -> Nullable<Timestamptz>,
        deleted_at -> Nullable<Timestamptz>,
        ended -> Nullable<Text>,
    }
}

diesel::table! {
    organizations (id) {
        id -> Uuid,
        name -> Text,
        password_hash -> Text,
        deactivated_at -> Nullable<Timestamptz>,
        credentials_changed_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    presences (user_id) {
        user_id -> Uuid,
        choice -> Text,
        text -> Nullable<Text>,
        last_seen -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    projects (id) {
        id -> Uuid,
        organization_id -> Uuid,
        name -> Text,
        origins -> Array<Nullable<Text>>,
        created_at -> Timestamptz,
        assistant_id -> Nullable<Uuid>,
        registration -> Bool,
        support_auto_assign -> Bool,
        support_timeout_s -> Int4,
    }
}

diesel::table! {
    quotas (level, subject_id) {
        level -> Text,
        subject_id -> Uuid,
        tokens -> Nullable<Int8>,
        money -> Nullable<Int8>,
        cap_tokens -> Nullable<Int8>,
        cap_money -> Nullable<Int8>,
    }
}

diesel::table! {
    reactions (conversation_id, seq, emoji, user_id) {
        conversation_id -> Uuid,
        seq -> Int8,
        emoji -> Text,
        user_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    reservations (id) {
        id -> Uuid,
        ticket -> Int8,
        organization_id -> Uuid,
        project_id -> Uuid,
        conversation_id -> Nullable<Uuid>,
        user_id -> Nullable<Uuid>,
        chatbot_id -> Nullable<Uuid>,
        model -> Text,
        day -> Date,
        state -> Text,
        tokens -> Int8,
        money -> Int8,
        input_price -> Nullable<Int8>,
        output_price -> Nullable<Int8>,
        input_used -> Int8,
        output_used -> Int8,
        input_booked -> Int8,
        output_booked -> Int8,
        leased_until -> Timestamptz,
    }
}

diesel::table! {
    search_marks (conversation_id) {
        conversation_id -> Uuid,
        seq -> Int8,
    }
}

diesel::table! {
    searchable (conversation_id, seq) {
        conversation_id -> Uuid,
        seq -> Int8,
        body -> Text,
    }
}

diesel::table! {
    support_agents (user_id) {
        user_id -> Uuid,
        project_id -> Uuid,
        status -> Text,
        capacity -> Int4,
        assigned_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    support_canned (id) {
        id -> Uuid,
        project_id -> Uuid,
        name -> Text,
        body -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    support_notes (id) {
        id -> Uuid,
        request_id -> Uuid,
        author_id -> Nullable<Uuid>,
        body -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    support_requests (id) {
        id -> Uuid,
        project_id -> Uuid,
        customer_id -> Nullable<Uuid>,
        agent_id -> Nullable<Uuid>,
        kind -> Text,
        status -> Text,
        priority -> Text,
        rank -> Int2,
        subject -> Text,
        tags -> Array<Nullable<Text>>,
        stars -> Nullable<Int2>,
        comment -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        queued_at -> Timestamptz,
        taken_at -> Nullable<Timestamptz>,
        first_response_at -> Nullable<Timestamptz>,
        resolved_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    support_sessions (id) {
        id -> Uuid,
        request_id -> Uuid,
        conversation_id -> Uuid,
        status -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    support_steps (id) {
        id -> Int8,
        request_id -> Uuid,
        step -> Text,
        at -> Timestamptz,
        actor_id -> Nullable<Uuid>,
        from_id -> Nullable<Uuid>,
        to_id -> Nullable<Uuid>,
        session_id -> Nullable<Uuid>,
        detail -> Nullable<Text>,
    }
}

diesel::table! {
    usage_days (project_id, day, user_id, chatbot_id, model, conversation_id) {
        project_id -> Uuid,
        day -> Date,
        user_id -> Uuid,
        chatbot_id -> Uuid,
        model -> Text,
        conversation_id -> Uuid,
        calls -> Int8,
        input_tokens -> Int8,
        output_tokens -> Int8,
        money -> Int8,
    }
}

diesel::table! {
    usage_months (level, subject_id, month) {
        level -> Text,
        subject_id -> Uuid,
        month -> Date,
        tokens -> Int8,
        money -> Int8,
        warned_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
        number -> Int8,
        project_id -> Uuid,
        username -> Text,
        password_hash -> Nullable<Text>,
        role -> Text,
        name -> Nullable<Text>,
        avatar -> Nullable<Uuid>,
        profile -> Nullable<Text>,
        deactivated_at -> Nullable<Timestamptz>,
        credentials_changed_at -> Timestamptz,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        email -> Nullable<Text>,
        language -> Nullable<Text>,
    }
}

diesel::joinable!(answer_usage -> conversations (conversation_id));
diesel::joinable!(answers -> chatbots (chatbot_id));
diesel::joinable!(answers -> conversations (conversation_id));
diesel::joinable!(answers -> projects (project_id));
diesel::joinable!(answers -> users (asker_id));
diesel::joinable!(app_invitations -> apps (app_id));
diesel::joinable!(apps -> projects (project_id));
diesel::joinable!(apps -> users (user_id));
diesel::joinable!(attachments -> media (media_id));
diesel::joinable!(callbacks -> apps (app_id));
diesel::joinable!(chatbot_attachments -> chatbots (chatbot_id));
diesel::joinable!(chatbot_attachments -> media (media_id));
diesel::joinable!(conversations -> chatbots (chatbot_id));
diesel::joinable!(conversations -> projects (project_id));
diesel::joinable!(game_answers -> users (user_id));
diesel::joinable!(identities -> projects (project_id));
diesel::joinable!(identities -> users (user_id));
diesel::joinable!(instances -> chatbots (chatbot_id));
diesel::joinable!(instances -> conversations (conversation_id));
diesel::joinable!(issuers -> projects (project_id));
diesel::joinable!(media -> projects (project_id));
diesel::joinable!(members -> conversations (conversation_id));
diesel::joinable!(members -> users (user_id));
diesel::joinable!(messages -> chatbots (chatbot_id));
diesel::joinable!(presences -> users (user_id));
diesel::joinable!(projects -> organizations (organization_id));
diesel::joinable!(reactions -> users (user_id));
diesel::joinable!(support_agents -> projects (project_id));
diesel::joinable!(support_agents -> users (user_id));
diesel::joinable!(support_canned -> projects (project_id));
diesel::joinable!(support_notes -> support_requests (request_id));
diesel::joinable!(support_notes -> users (author_id));
diesel::joinable!(support_requests -> projects (project_id));
diesel::joinable!(support_sessions -> conversations (conversation_id));
diesel::joinable!(support_sessions -> support_requests (request_id));
diesel::joinable!(support_steps -> support_requests (request_id));
diesel::joinable!(usage_days -> projects (project_id));
diesel::joinable!(users -> projects (project_id));

diesel::allow_tables_to_appear_in_same_query!(
    answer_usage,
    answers,
    app_invitations,
    apps,
    attachments,
    callbacks,
    chatbot_attachments,
    chatbot_passages,
    chatbots,
    contacts,
    conversations,
    exchange_turns,
    exchanges,
    game_answers,
    games,
    idempotency,
    identities,
    instances,
    issuers,
    media,
    members,
    messages,
    organizations,
    presences,
    projects,
    quotas,
    reactions,
    reservations,
    search_marks,
    searchable,
    support_agents,
    support_canned,
    support_notes,
    support_requests,
    support_sessions,
    support_steps,
    usage_days,
    usage_months,
    users,
);
