import './styles/tokens.css'
import './styles/base.css'
import './styles/ui.css'
import './styles/shell.css'
import './core/theme.js'
import { render } from 'solid-js/web'
import { App } from './app.js'
import { resume } from './core/session.js'
import { language } from './i18n/index.js'

document.documentElement.lang = language()
resume()
render(() => <App />, document.getElementById('app')!)
