// Who may read private media, and the edge's own signature for the private bucket. Synchronous: no call leaves the edge.
import crypto from 'crypto';
import secrets from 'secrets.js';

// A URL lives 900 s at most; the rest is room for clocks that differ.
const FURTHEST_EXPIRY_S = 960;
const PRIVATE = /^\/m\/([0-9]{1,9})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})\/([A-Za-z0-9_-]{1,40})\//;

function same(a, b) {
    if (a.length !== b.length) {
        return false;
    }
    let difference = 0;
    for (let i = 0; i < a.length; i++) {
        difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
    }
    return difference === 0;
}

// 'ok', or why not. nginx has checked the spelling of the whole path before.
function verdict(r) {
    const parts = PRIVATE.exec(r.variables.request_uri);
    if (parts === null) {
        return 'malformed';
    }
    const now_s = Math.floor(Date.now() / 1000);
    const expires_s = Number(parts[2]);
    if (expires_s <= now_s || expires_s > now_s + FURTHEST_EXPIRY_S) {
        return 'expired';
    }
    const text = parts[4] + '|' + parts[1] + '|' + parts[2];
    let known = false;
    for (let i = 0; i < secrets.signing_keys.length; i++) {
        // Every key is tried, whichever fits: the time taken tells nothing.
        known = same(crypto.createHmac('sha256', secrets.signing_keys[i]).update(text).digest('base64url'), parts[3]) || known;
    }
    return known ? 'ok' : 'forged';
}

function storage_date() {
    return new Date().toISOString().replace(/[-:]|\.[0-9]+/g, '');
}

// AWS Signature Version 4 of one GET: host, payload hash and date signed, the body is not. Paths hold unreserved
// characters only, so that nothing needs encoding.
function storage_authorization(r) {
    const date = r.variables.storage_date;
    const day = date.slice(0, 8);
    const scope = day + '/' + secrets.region + '/s3/aws4_request';
    const signed = 'host;x-amz-content-sha256;x-amz-date';
    const request = 'GET\n/' + secrets.bucket + '/' + r.variables.object + '\n\nhost:' + secrets.storage_host
        + '\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:' + date + '\n\n' + signed + '\nUNSIGNED-PAYLOAD';
    const digest = crypto.createHash('sha256').update(request).digest('hex');
    let key = crypto.createHmac('sha256', 'AWS4' + secrets.s3_secret_key).update(day).digest();
    key = crypto.createHmac('sha256', key).update(secrets.region).digest();
    key = crypto.createHmac('sha256', key).update('s3').digest();
    key = crypto.createHmac('sha256', key).update('aws4_request').digest();
    const signature = crypto.createHmac('sha256', key)
        .update('AWS4-HMAC-SHA256\n' + date + '\n' + scope + '\n' + digest).digest('hex');
    return 'AWS4-HMAC-SHA256 Credential=' + secrets.s3_access_key + '/' + scope + ',SignedHeaders=' + signed + ',Signature=' + signature;
}

// The client's range when it starts beyond what nginx fetches whole, or counts from the end; else none. These must be
// ranges for which proxy_cache_max_range_offset keeps the answer out of the cache: a part would be kept as the whole.
function storage_range(r) {
    const range = r.headersIn.Range || '';
    const parts = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(range);
    if (parts === null || (parts[1] === '' && parts[2] === '')) {
        return '';
    }
    return parts[1] === '' || Number(parts[1]) >= secrets.max_range_offset ? range : '';
}

export default {verdict, storage_date, storage_authorization, storage_range};
