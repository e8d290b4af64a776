DROP TABLE game_answers, games, attachments, media, reactions, messages, members, conversations, contacts, token_usage,
    presences, apps, users, chatbots, projects, organizations CASCADE;
