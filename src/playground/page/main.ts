/** The page that `tiller playground` serves. */
import { startApp } from './app';
import { httpEngine } from './httpEngine';

startApp(document.getElementById('app')!, httpEngine());
