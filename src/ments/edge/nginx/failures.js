// What the edge answers by itself: problem+json for programs, one small page for people.
const AGAIN_MS = [150, 350, 700, 1300];
const SAFE = ['GET', 'HEAD', 'OPTIONS'];

const FAILURES = {
    not_found: {status: 404, title: 'Not found', detail: 'There is nothing at this address.'},
    refused: {status: 403, title: 'Not allowed', detail: 'This link is not valid, or no longer. Reload the page that it came from.'},
    wrong_method: {status: 405, title: 'Wrong method', detail: 'This address can only be read.'},
    headers_too_large: {status: 431, title: 'Headers too large', detail: 'The headers of the request are larger than 16 kB, cookies included.'},
    upload_unreadable: {status: 400, title: 'Upload not understood', detail: 'Storage cannot read this, or the parts that it names are not those that arrived.'},
    upload_refused: {status: 403, title: 'Upload refused', detail: 'Storage takes exactly what was signed: this address, method, type and size, and not later. Ask for the upload to be signed again.'},
    upload_gone: {status: 404, title: 'No such upload', detail: 'Storage has no such upload in parts; it was completed or cancelled.'},
    upload_there: {status: 412, code: 'already_uploaded', title: 'Sent before', detail: 'The file is there already; an upload can be sent once. Complete it.'},
    too_large: {status: 413, title: 'Too large', detail: 'The request is larger than this address accepts.'},
    api_away: {status: 503, code: 'unavailable', title: 'Back in a moment', detail: 'ments is starting again. Try again in a few seconds.', retry_s: 2},
    api_slow: {status: 504, code: 'timeout', title: 'That took too long', detail: 'ments did not answer in time. Try again.', retry_s: 5},
    storage_away: {status: 503, code: 'unavailable', title: 'Media are away', detail: 'The storage of media does not answer. Try again in a few seconds.', retry_s: 2},
};

function page(failure) {
    return '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        + '<title>' + failure.title + ' - ments</title><style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;'
        + 'display:grid;place-content:center;min-height:90vh;margin:0;padding:1rem;text-align:center}a{color:#059669}</style>'
        + '<h1>' + failure.title + '</h1><p>' + failure.detail + '</p><p><a href="/">To the feed</a></p></html>';
}

function answer(r, name) {
    const failure = FAILURES[name];
    r.headersOut['Cache-Control'] = 'no-store';
    r.headersOut['X-Content-Type-Options'] = 'nosniff';
    if (failure.retry_s) {
        r.headersOut['Retry-After'] = String(failure.retry_s);
    }
    const accept = r.headersIn.Accept || '';
    if (accept.includes('text/html') && !r.uri.startsWith('/api/')) {
        r.headersOut['Content-Type'] = 'text/html; charset=utf-8';
        r.return(failure.status, page(failure));
        return;
    }
    r.headersOut['Content-Type'] = 'application/problem+json';
    r.return(failure.status, JSON.stringify({
        type: 'about:blank', title: failure.title, status: failure.status, detail: failure.detail,
        code: failure.code || name, request_id: r.variables.request_id,
    }));
}

// Asks again while the API starts: always for methods that change nothing, for others only when no connection was
// made, so that no write can happen twice.
function api_away(r) {
    const tries = Number(r.variables.api_tries);
    const connects = r.variables.upstream_connect_time || '';
    const unsent = /^[-,: ]*$/.test(connects);
    if (tries >= AGAIN_MS.length || !(unsent || SAFE.includes(r.method))) {
        answer(r, 'api_away');
        return;
    }
    r.variables.api_tries = String(tries + 1);
    setTimeout(() => r.internalRedirect('@api_again'), AGAIN_MS[tries]);
}

function headers_too_large(r) { answer(r, 'headers_too_large'); }
function upload_unreadable(r) { answer(r, 'upload_unreadable'); }
function upload_refused(r) { answer(r, 'upload_refused'); }
function upload_gone(r) { answer(r, 'upload_gone'); }
function upload_there(r) { answer(r, 'upload_there'); }
function not_found(r) { answer(r, 'not_found'); }
function refused(r) { answer(r, 'refused'); }
function wrong_method(r) { answer(r, 'wrong_method'); }
function too_large(r) { answer(r, 'too_large'); }
function api_slow(r) { answer(r, 'api_slow'); }
function storage_away(r) { answer(r, 'storage_away'); }

export default {
    api_away, api_slow, storage_away, not_found, refused, wrong_method, too_large, headers_too_large,
    upload_unreadable, upload_refused, upload_gone, upload_there,
};
